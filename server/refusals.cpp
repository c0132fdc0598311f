#include "server/refusals.h"

#include <utility>

namespace forebay::server {

namespace {

constexpr std::string_view kNoRoles = "There are no roles yet: everybody is root.";
constexpr std::string_view kNoCare = "There is nothing to take care of: the store keeps itself.";
constexpr std::string_view kBuiltIn = "What Forebay knows is built in.";
constexpr std::string_view kIndexForm = "CREATE INDEX name ON table (columns) is there.";
constexpr std::string_view kFollow = "Create a materialized view: it follows every change.";
constexpr std::string_view kPoll = "Read a materialized view again: it is always fresh.";
constexpr std::string_view kFromClient = "Run the statements from the client.";
constexpr std::string_view kAnew = "DROP it and CREATE it anew.";
constexpr std::string_view kNumbers =
    "Number rows in the client, or leave the key out: rows are told apart without one.";

/// docs/sql/unsupported.md shows the same.
constexpr std::pair<std::string_view, std::string_view> kHints[] = {
    {"ALTER TABLE",
     "RENAME, RENAME COLUMN and ADD COLUMN are there. For anything else create a new table and "
     "INSERT ... SELECT."},
    {"ALTER VIEW", kAnew},
    {"ALTER MATERIALIZED VIEW", kAnew},
    {"ALTER SOURCE", kAnew},
    {"ALTER FUNCTION", kAnew},
    {"ALTER INDEX", kAnew},
    {"ALTER SCHEMA", "Create another schema."},
    {"ALTER SEQUENCE", kNumbers},
    {"ALTER SINK", kAnew},
    {"ALTER SYSTEM",
     "SET changes server settings for all sessions; --set gives them at the start."},
    {"ALTER DATABASE", "There is one database, dev."},
    {"ALTER ROLE", kNoRoles},
    {"ALTER USER", kNoRoles},
    {"ANALYZE", kNoCare},
    {"ANALYSE", kNoCare},
    {"CALL", kFromClient},
    {"CHECKPOINT", "FLUSH waits until everything accepted is on disk."},
    {"CLUSTER", kNoCare},
    {"COMMENT", "Tables, columns, sources, views and schemas take comments."},
    {"CREATE AGGREGATE", "Combine the aggregates of forebay.functions."},
    {"CREATE CAST", kBuiltIn},
    {"CREATE COLLATION", "Text sorts by its bytes."},
    {"CREATE CONNECTION", "Give the connection's options in WITH (...) of the source."},
    {"CREATE DATABASE", "There is one database, dev. CREATE SCHEMA makes a space of names."},
    {"CREATE DOMAIN", "Use the type itself."},
    {"CREATE EXTENSION", kBuiltIn},
    {"CREATE FOREIGN", "CREATE SOURCE reads from outside."},
    {"CREATE GLOBAL", "Leave TEMPORARY out."},
    {"CREATE INDEX", kIndexForm},
    {"CREATE SINK",
     "CREATE SINK name FROM object WITH (...) is there, and AS query in place of FROM; EMIT stands "
     "in the materialized view that it reads."},
    {"CREATE UNIQUE INDEX", kIndexForm},
    {"CREATE OPERATOR", "Create a function."},
    {"CREATE POLICY", kNoRoles},
    {"CREATE PROCEDURE", "Create a function, or run the statements from the client."},
    {"CREATE PUBLICATION", kPoll},
    {"CREATE ROLE", kNoRoles},
    {"CREATE RULE", kFollow},
    {"CREATE SECRET", "Give the value in WITH (...) of the source."},
    {"CREATE SEQUENCE", kNumbers},
    {"CREATE SERVER", "CREATE SOURCE reads from outside."},
    {"CREATE STATISTICS", kNoCare},
    {"CREATE SUBSCRIPTION", kPoll},
    {"CREATE TABLESPACE", "--data names the one place where data lies."},
    {"CREATE TRIGGER", kFollow},
    {"CREATE TYPE", "Use text with a check in the client, or several columns."},
    {"CREATE USER", kNoRoles},
    {"DECLARE", kPoll},
    {"DO", kFromClient},
    {"GRANT", kNoRoles},
    {"LISTEN", kPoll},
    {"LOAD", kBuiltIn},
    {"LOCK",
     "Nothing is locked: COMMIT fails with 40001 when somebody else has changed the same rows."},
    {"MERGE", "Use INSERT ... ON CONFLICT (key) DO UPDATE."},
    {"NOTIFY", kPoll},
    {"REASSIGN", kNoRoles},
    {"REINDEX", kNoCare},
    {"REVOKE", kNoRoles},
    {"SECURITY", kNoRoles},
    {"SUBSCRIBE", kPoll},
    {"VACUUM", kNoCare},
    {"VERIFY MATERIALIZED VIEW", "Compare the view with its query by EXCEPT ALL."},
};

}  // namespace

std::string_view refusal_hint(std::string_view command) {
  for (const auto& [known, hint] : kHints) {
    if (known == command) return hint;
  }
  return "";
}

}  // namespace forebay::server
