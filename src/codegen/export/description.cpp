#include "codegen/export/description.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include <fmt/core.h>

#include "codegen/export/version.h"
#include "runtime/core/check.h"

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

}  // namespace

bool is_library_input(const tw_param& param) {
  return param.kind == TW_PARAM_INPUT || param.kind == TW_PARAM_CONSTANT || param.kind == TW_PARAM_SIZE;
}

bool is_library_output(const tw_param& param) {
  return param.kind == TW_PARAM_OUTPUT || param.kind == TW_PARAM_INOUT;
}

std::string library_description(const Module& module, const std::string& name) {
  const Target& target = module.target();
  const tw_function& function = module.function();
  Json inputs = Json::array(), outputs = Json::array(), sizes = Json::array(), parameters = Json::array();
  for (const tw_param& param : std::span(function.params, function.n_params)) {
    if (is_library_input(param)) inputs.push_back(describe(param));
    if (is_library_output(param)) outputs.push_back(describe(param));
    if (param.kind == TW_PARAM_SIZE || param.kind == TW_PARAM_SHAPE) sizes.push_back(describe_integer(param));
    if (param.kind == TW_PARAM_TUNABLE) parameters.push_back(describe_integer(param));
  }
  const Json json = {{"format", 1},
                     {"name", name},
                     {"function", function.name},
                     {"tilewright", kVersion},
                     {"target", target.to_string()},
                     {"triple", target.triple},
                     {"cpu", target.cpu},
                     {"features", target.features},
                     {"threads", target.threads},
                     {"inputs", inputs},
                     {"outputs", outputs},
                     {"sizes", sizes},
                     {"parameters", parameters}};
  return json.dump();
}

std::string bounds_text(const tw_param& param) {
  std::string text;
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
