// Parts of records as JSON text: columns of the database, and lines of files.
#pragma once

#include <string>
#include <vector>

#include "autotune/records/database.h"

namespace tw::autotune {

std::string json_of(const Values& values);
std::string json_of(const std::vector<Values>& sizes);
std::string json_of(const std::vector<int64_t>& sizes);
std::string json_of(const std::vector<float>& features);
std::string json_of(const std::vector<std::vector<double>>& samples);
std::string json_of(const std::map<std::string, std::string>& versions);

Values values_of(const std::string& text);
std::vector<Values> list_of_values(const std::string& text);
std::vector<int64_t> integers_of(const std::string& text);
std::vector<float> floats_of(const std::string& text);
std::vector<std::vector<double>> samples_of(const std::string& text);
std::map<std::string, std::string> words_of(const std::string& text);

/// Hash of what makes two records the same one: everything but numbers given by a database, predictions,
/// features, and what is found out later.
std::string content_of(const Record& record);
std::string content_of(const Run& run);

/// The time now: "2026-01-31T12:00:00.000Z".
std::string time_now();

}  // namespace tw::autotune
