#include "codegen/llvm/jit.h"

#include <atomic>

#include <fmt/format.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Object/ObjectFile.h>

#include "support/error.h"

namespace tw::codegen {
namespace {

namespace orc = llvm::orc;

template <class T>
T checked(llvm::Expected<T> value, const char* what) {
  if (!value) raise_internal("LLVM cannot {}: {}", what, llvm::toString(value.takeError()));
  return static_cast<T&&>(*value);
}

void checked(llvm::Error error, const char* what) {
  if (error) raise_internal("LLVM cannot {}: {}", what, llvm::toString(std::move(error)));
}

/// One for the process: each module is a library of its own in it. Never destroyed, as modules may outlive
/// static objects.
orc::LLJIT& session() {
  static orc::LLJIT& jit = *checked(orc::LLJITBuilder().create(), "start its linker").release();
  return jit;
}

class Loaded : public LoadedCode {
 public:
  explicit Loaded(const std::string& object) {
    static std::atomic<int64_t> count{0};
    orc::LLJIT& jit = session();
    library_ = &checked(jit.createJITDylib(fmt::format("module{}", count++)), "make a library");
    library_->addGenerator(checked(
        orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(jit.getDataLayout().getGlobalPrefix()),
        "see the process"));
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(object, "module");
    auto file = checked(llvm::object::ObjectFile::createObjectFile(*buffer), "read its own code");
    for (const llvm::object::SectionRef& section : file->sections())
      if (section.isText()) bytes_ += static_cast<int64_t>(section.getSize());
    checked(jit.addObjectFile(*library_, std::move(buffer)), "add code");
  }
  ~Loaded() override { llvm::consumeError(session().getExecutionSession().removeJITDylib(*library_)); }
  void* address(const std::string& symbol) const override {
    return checked(session().lookup(*library_, symbol), "link code").toPtr<void*>();
  }
  int64_t bytes() const override { return bytes_; }

 private:
  orc::JITDylib* library_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<LoadedCode> load_object(const std::string& object) {
  return std::make_unique<Loaded>(object);
}

}  // namespace tw::codegen
