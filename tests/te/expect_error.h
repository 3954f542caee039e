// Errors that tests expect.
#pragma once

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace tw::te {

/// Whether the action raises a user error of the kind whose message holds every part.
inline void expect_error(ErrorKind kind, const std::vector<std::string>& parts,
                         const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected: " << parts.front();
  } catch (const UserError& error) {
    EXPECT_STREQ(to_string(error.kind()), to_string(kind)) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

inline void expect_value_error(const std::vector<std::string>& parts, const std::function<void()>& action) {
  expect_error(ErrorKind::kValue, parts, action);
}
inline void expect_type_error(const std::vector<std::string>& parts, const std::function<void()>& action) {
  expect_error(ErrorKind::kType, parts, action);
}
inline void expect_index_error(const std::vector<std::string>& parts, const std::function<void()>& action) {
  expect_error(ErrorKind::kIndex, parts, action);
}

}  // namespace tw::te
