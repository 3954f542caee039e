// The tables of a database of tuning records, and how a file comes to have them.
//
// A file's version counts the migrations that made it. Migrations are never changed once they are released:
// another change of the tables is another one at the end of the list, and
// tests/autotune/records/fixtures/vN.sql gets a file as version N makes it.
#pragma once

#include <span>
#include <string>

#include "autotune/records/sqlite.h"

namespace tw::autotune {

/// What the application_id of our files is: "TWtr".
inline constexpr int64_t kApplicationId = 0x54577472;

/// Statements that bring an empty file to version 1, from 1 to 2, …
std::span<const char* const> migrations();

/// What a file is by its first bytes, nothing opened or touched: a UserError for a folder that is not there,
/// a file that is no database or another program's, a newer version, one that was cut short. A path where
/// nothing is passes.
void check_file(const std::string& path, int64_t newest);

/// The version of an open file; 0 where nothing was written to it yet. Errors: another program's database, a
/// newer version.
int64_t version_of(Connection& db, int64_t newest);
/// Whoever only reads takes the newest version only: a value error for an older one, and for an empty file.
void check_readable(Connection& db, int64_t newest);
/// A user error where a file of the newest version lacks what that version has.
void check_tables(Connection& db);

/// Brings a file to the newest version, in one transaction: all of it or, where a step fails, nothing.
void migrate(Connection& db, std::span<const char* const> steps);

}  // namespace tw::autotune
