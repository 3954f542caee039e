#include "codegen/export/weights.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tw::codegen {
namespace {

constexpr char kZeros[TW_WEIGHTS_ALIGNMENT] = {};

uint64_t aligned(uint64_t bytes) {
  return (bytes + TW_WEIGHTS_ALIGNMENT - 1) / TW_WEIGHTS_ALIGNMENT * TW_WEIGHTS_ALIGNMENT;
}

uint64_t header_bytes(const std::vector<ExportedConstant>& constants) {
  uint64_t bytes = sizeof(tw_weights_header);
  for (const ExportedConstant& constant : constants)
    bytes += sizeof(tw_weights_array) + constant.shape.size() * sizeof(int64_t);
  return aligned(bytes);
}

uint64_t fingerprint_of(const std::vector<ExportedConstant>& constants) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  for (const ExportedConstant& constant : constants)
    if (constant.bytes > 0) XXH3_64bits_update(state, constant.data, constant.bytes);
  const uint64_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hash;
}

}  // namespace

WeightsImage::WeightsImage(const std::vector<ExportedConstant>& constants)
    : words_(header_bytes(constants) / sizeof(uint64_t)) {
  const Bytes whole(reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t));
  pieces_.push_back(whole);
  bytes_ = place_arrays(constants);
  tw_weights_header header{};
  std::memcpy(header.magic, TW_WEIGHTS_MAGIC, sizeof header.magic);
  header.version = TW_WEIGHTS_VERSION;
  header.count = static_cast<uint32_t>(constants.size());
  header.header_bytes = whole.size();
  header.bytes = bytes_;
  header.fingerprint = fingerprint_of(constants);
  std::memcpy(words_.data(), &header, sizeof header);
  header.checksum = tw_weights_checksum(reinterpret_cast<const tw_weights_header*>(words_.data()));
  std::memcpy(words_.data(), &header, sizeof header);
}

/// Fills in the descriptions of arrays and lists the pieces; gives the end of the last.
uint64_t WeightsImage::place_arrays(const std::vector<ExportedConstant>& constants) {
  char* const begin = reinterpret_cast<char*>(words_.data());
  char* place = begin + sizeof(tw_weights_header);
  char* shape = place + constants.size() * sizeof(tw_weights_array);
  uint64_t end = pieces_.front().size();
  for (const ExportedConstant& constant : constants) {
    const auto bytes = static_cast<uint64_t>(constant.bytes);
    const tw_weights_array array = {end,
                                    bytes,
                                    constant.buffer,
                                    constant.dtype,
                                    static_cast<int32_t>(constant.shape.size()),
                                    0,
                                    static_cast<uint64_t>(shape - begin)};
    std::memcpy(place, &array, sizeof array);
    place += sizeof array;
    std::memcpy(shape, constant.shape.data(), constant.shape.size() * sizeof(int64_t));
    shape += constant.shape.size() * sizeof(int64_t);
    pieces_.emplace_back(static_cast<const char*>(constant.data), bytes);
    pieces_.emplace_back(kZeros, aligned(bytes) - bytes);
    end += aligned(bytes);
  }
  return end;
}

}  // namespace tw::codegen
