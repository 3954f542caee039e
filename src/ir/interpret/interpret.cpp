#include "ir/interpret.h"

#include <new>

#include "ir/interpret/arguments.h"
#include "ir/interpret/compiler.h"
#include "ir/interpret/machine.h"
#include "support/error.h"

namespace tw {

using namespace interpreter;

InterpretStats interpret(const Program& program, std::span<const Argument> arguments,
                         const InterpretOptions& options) {
  try {
    Memory caller_memory(INT64_MAX);
    Arguments bound(program, arguments, options, caller_memory);
    const Compiled compiled = compile(program, options.check_races);
    std::vector<Arguments::Needs> needs;
    for (std::size_t i = 0; i < compiled.buffers.size(); ++i)
      needs.push_back({compiled.code.allocations[i].tracked, compiled.code.allocations[i].init_tables});
    const std::vector<Storage*> storage = bound.copy_in(needs);

    Memory memory(options.max_memory);
    Machine machine(program, compiled.code, memory);
    for (std::size_t i = 0; i < storage.size(); ++i)
      machine.registers()[compiled.buffers[i]] = reinterpret_cast<Slot>(storage[i]);
    for (const auto& [var, reg] : compiled.variables)
      machine.registers()[reg] = static_cast<Slot>(bound.values().at(var));
    machine.run();
    bound.copy_out();
    return {machine.statements()};
  } catch (const std::bad_alloc&) {
    raise_value("memory limit: the machine has no memory left for program '{}'", program->name.text);
  }
}

}  // namespace tw
