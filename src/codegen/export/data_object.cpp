#include "codegen/export/data_object.h"

#include <array>
#include <cstring>

#include <llvm/BinaryFormat/ELF.h>

namespace tw::codegen {
namespace {

namespace elf = llvm::ELF;

enum Section : uint16_t { kNone, kData, kSymbols, kNames, kSections };

// Names of sections, and where each begins.
constexpr char kSectionNames[] = "\0.rodata\0.symtab\0.strtab";
constexpr std::array<uint32_t, kSections> kNameOf = {0, 1, 9, 17};

/// Multiples of 8 for what follows the data.
uint64_t rounded(uint64_t bytes) {
  return (bytes + 7) / 8 * 8;
}

template <class T>
void put(std::ostream& out, const T& value) {
  out.write(reinterpret_cast<const char*>(&value), sizeof value);
}

elf::Elf64_Ehdr file_header(const std::string& architecture, uint64_t sections) {
  elf::Elf64_Ehdr header{};
  std::memcpy(header.e_ident, elf::ElfMagic, 4);
  header.e_ident[elf::EI_CLASS] = elf::ELFCLASS64;
  header.e_ident[elf::EI_DATA] = elf::ELFDATA2LSB;
  header.e_ident[elf::EI_VERSION] = elf::EV_CURRENT;
  header.e_type = elf::ET_REL;
  header.e_machine = architecture == "x86_64" ? elf::EM_X86_64 : elf::EM_AARCH64;
  header.e_version = elf::EV_CURRENT;
  header.e_shoff = sections;
  header.e_ehsize = sizeof(elf::Elf64_Ehdr);
  header.e_shentsize = sizeof(elf::Elf64_Shdr);
  header.e_shnum = kSections;
  header.e_shstrndx = kNames;
  return header;
}

}  // namespace

// The file: its header (64 bytes), the data, two symbols, the names of sections and symbols, the sections.
void write_data_object(std::ostream& out, const std::string& architecture, const ReadOnlyData& data) {
  static_assert(sizeof(elf::Elf64_Ehdr) == 64);
  uint64_t bytes = 0;
  for (const std::span<const char> piece : data.pieces) bytes += piece.size();
  const std::string names = std::string(kSectionNames, sizeof kSectionNames) + data.symbol + '\0';
  const uint64_t symbols_at = rounded(sizeof(elf::Elf64_Ehdr) + bytes);
  const uint64_t names_at = symbols_at + 2 * sizeof(elf::Elf64_Sym);
  const uint64_t sections_at = rounded(names_at + names.size());

  put(out, file_header(architecture, sections_at));
  for (const std::span<const char> piece : data.pieces)
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  out << std::string(symbols_at - sizeof(elf::Elf64_Ehdr) - bytes, '\0');

  elf::Elf64_Sym symbol{};
  put(out, symbol);
  symbol.st_name = sizeof kSectionNames;
  symbol.setBindingAndType(elf::STB_GLOBAL, elf::STT_OBJECT);
  symbol.st_other = elf::STV_HIDDEN;
  symbol.st_shndx = kData;
  symbol.st_size = bytes;
  put(out, symbol);
  out << names << std::string(sections_at - names_at - names.size(), '\0');

  const elf::Elf64_Shdr sections[kSections] = {
      {},
      {kNameOf[kData], elf::SHT_PROGBITS, elf::SHF_ALLOC, 0, sizeof(elf::Elf64_Ehdr), bytes, 0, 0, 64, 0},
      {kNameOf[kSymbols], elf::SHT_SYMTAB, 0, 0, symbols_at, 2 * sizeof symbol, kNames, /*first global*/ 1, 8,
       sizeof symbol},
      {kNameOf[kNames], elf::SHT_STRTAB, 0, 0, names_at, names.size(), 0, 0, 1, 0}};
  put(out, sections);
}

}  // namespace tw::codegen
