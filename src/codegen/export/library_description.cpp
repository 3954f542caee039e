#include "codegen/export/library_description.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include <fmt/core.h>

#include "codegen/export/version.h"
#include "runtime/core/check.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

const char* kind_text(int32_t kind) {
  switch (kind) {
    case TW_PARAM_INPUT: return "input";
    case TW_PARAM_CONSTANT: return "constant";
    case TW_PARAM_OUTPUT: return "output";
    case TW_PARAM_INOUT: return "inout";
    default: return "size";
  }
}

Json describe(const tw_param& param) {
  Json json = {{"name", param.name}, {"kind", kind_text(param.kind)}};
  if (!tw_is_buffer(&param)) {
    json["dtype"] = "int64";
    json["shape"] = Json::array();
    return json;
  }
  json["dtype"] = tw_dtype_name(param.dtype);
  Json shape = Json::array();
  for (const tw_extent& extent : std::span(param.shape, param.ndim)) {
    if (extent.value >= 0) {
      shape.push_back(extent.value);
    } else {
      shape.push_back(extent.text);
    }
  }
  json["shape"] = shape;
  json["alignment"] = param.alignment;
  return json;
}

Json describe_integer(const tw_param& param) {
  Json json = {{"name", param.name}, {"min", param.min}};
  if (param.max != kNoLimit) json["max"] = param.max;
  json["multiple_of"] = std::max<int64_t>(param.multiple_of, 1);
  if (param.kind == TW_PARAM_TUNABLE) json["default"] = param.default_value;
  return json;
}

Json describe_all(const std::vector<tw_param>& params, Json (*describe_one)(const tw_param&)) {
  Json all = Json::array();
  for (const tw_param& param : params) all.push_back(describe_one(param));
  return all;
}

/// The function's parameters; sizes that shapes of constants show are just that one number.
std::vector<tw_param> params_with(const std::vector<ExportedConstant>& constants,
                                  const tw_function& function) {
  std::vector<tw_param> params(function.params, function.params + function.n_params);
  std::vector<tw_param*> scalars;
  std::vector<const tw_param*> buffers;
  for (tw_param& param : params) {
    if (tw_is_buffer(&param))
      buffers.push_back(&param);
    else
      scalars.push_back(&param);
  }
  for (const ExportedConstant& constant : constants) {
    const tw_param& param = *buffers.at(constant.buffer);
    for (int d = 0; d < param.ndim; ++d)
      if (const int32_t scalar = param.shape[d].scalar; scalar >= 0)
        scalars[scalar]->min = scalars[scalar]->max = constant.shape[d];
  }
  return params;
}

}  // namespace

LibraryInterface::LibraryInterface(const Module& module, std::string library_name,
                                   const ExportOptions& options)
    : name(std::move(library_name)) {
  if (!options.constants.empty()) weights = options.embed_weights ? "embedded" : "lib" + name + ".weights";
  auto constant = options.constants.begin();
  int32_t buffer = 0;
  for (const tw_param& param : params_with(options.constants, module.function())) {
    const bool is_given =
        !tw_is_buffer(&param) || constant == options.constants.end() || constant->buffer != buffer;
    buffer += tw_is_buffer(&param);
    switch (param.kind) {
      case TW_PARAM_SIZE: sizes.push_back(param); [[fallthrough]];
      case TW_PARAM_INPUT:
      case TW_PARAM_CONSTANT: (is_given ? inputs : constants).push_back(param); break;
      case TW_PARAM_OUTPUT:
      case TW_PARAM_INOUT: outputs.push_back(param); break;
      case TW_PARAM_SHAPE: sizes.push_back(param); break;
      case TW_PARAM_TUNABLE: tunables.push_back(param); break;
    }
    if (!is_given) ++constant;
  }
  check_internal(constants.size() == options.constants.size(),
                 "constants to export are not those of the function");
}

std::string library_description(const Module& module, const LibraryInterface& interface) {
  const Target& target = module.target();
  const Json json = {{"format", 1},
                     {"name", interface.name},
                     {"function", module.function().name},
                     {"tilewright", kVersion},
                     {"target", target.to_string()},
                     {"triple", target.triple},
                     {"cpu", target.cpu},
                     {"features", target.features},
                     {"threads", target.threads},
                     {"inputs", describe_all(interface.inputs, describe)},
                     {"outputs", describe_all(interface.outputs, describe)},
                     {"sizes", describe_all(interface.sizes, describe_integer)},
                     {"parameters", describe_all(interface.tunables, describe_integer)},
                     {"weights", interface.weights},
                     {"constants", describe_all(interface.constants, describe)}};
  return json.dump();
}

std::string bounds_text(const tw_param& param) {
  std::string text;
  if (param.min == param.max) return std::to_string(param.min);
  if (param.max != kNoLimit) {
    text = fmt::format("{} to {}", param.min, param.max);
  } else {
    text = fmt::format("at least {}", param.min);
  }
  if (param.multiple_of > 1) text += fmt::format(", a multiple of {}", param.multiple_of);
  return text;
}

std::string shape_text(const tw_param& param) {
  std::string text = "(";
  for (int i = 0; i < param.ndim; i++) text += (i ? ", " : "") + std::string(param.shape[i].text);
  return text + (param.ndim == 1 ? ",)" : ")");
}

}  // namespace tw::codegen
