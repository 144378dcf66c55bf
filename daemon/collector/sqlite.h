// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "dissectors/reader.h"

namespace vidra {

// A prepared statement: bind in order, step, read columns. Kept and reused; `run` steps to its end.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, std::string_view sql) { sqlite3_prepare_v3(db, sql.data(), int(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(Statement&& other) noexcept : statement_(other.statement_), next_(other.next_) { other.statement_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept { std::swap(statement_, other.statement_); std::swap(next_, other.next_); return *this; }
  explicit operator bool() const { return statement_; }

  template <class... Values>
  Statement& with(const Values&... values) {   // forgets what was bound before
    sqlite3_reset(statement_);
    next_ = 1;
    (bind(values), ...);
    return *this;
  }
  bool step() { return sqlite3_step(statement_) == SQLITE_ROW; }
  int run() {   // SQLITE_DONE when it worked
    int rc;
    while ((rc = sqlite3_step(statement_)) == SQLITE_ROW) {}
    sqlite3_reset(statement_);
    return rc;
  }
  void reset() { sqlite3_reset(statement_); }

  int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  bool null(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string text(int column) {
    const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return p ? std::string(p, size_t(sqlite3_column_bytes(statement_, column))) : std::string();
  }
  Bytes blob(int column) {
    const auto* p = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
    return {p, p ? size_t(sqlite3_column_bytes(statement_, column)) : 0};
  }
  template <class Array>
  Array octets(int column) {   // as many as fit, the rest zero
    Array out{};
    const Bytes b = blob(column);
    std::copy_n(b.begin(), std::min(b.size(), out.size()), out.begin());
    return out;
  }

  void bind(int64_t v) { sqlite3_bind_int64(statement_, next_++, v); }
  void bind(uint64_t v) { bind(int64_t(v)); }
  void bind(int v) { bind(int64_t(v)); }
  void bind(uint32_t v) { bind(int64_t(v)); }
  void bind(bool v) { bind(int64_t(v)); }
  void bind(std::string_view s) { sqlite3_bind_text(statement_, next_++, s.data(), int(s.size()), SQLITE_TRANSIENT); }
  void bind(const std::string& s) { bind(std::string_view(s)); }
  void bind(const char* s) { bind(std::string_view(s)); }
  void bind(Bytes b) { sqlite3_bind_blob(statement_, next_++, b.data(), int(b.size()), SQLITE_TRANSIENT); }
  template <size_t n> void bind(const std::array<uint8_t, n>& a) { bind(Bytes(a)); }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 1;
};

}  // namespace vidra
