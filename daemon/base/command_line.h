// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vidra {

// What an option may be read into. Numbers that are none, and words too few, are refused by name.
template <typename T>
concept OptionValue = std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>> || std::same_as<T, double> || std::same_as<T, int> ||
                      std::same_as<T, uint32_t> || std::same_as<T, size_t>;

// An option, flag or positional of a command line: a handle, valid as long as its Program. Each word of it leads on to the next.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option required() const;
  Option excludes(Option) const;
  Option needs(Option) const;
  Option words(int count) const;                                   // so many words, no more and no fewer
  Option one_word() const;                                         // of a list: one word each time it is given, the next is a positional
  Option any_words() const;                                        // of a list: all that follow, each time it is given
  Option shows_default() const;                                    // --help says what the variable holds now
  Option one_of(const std::vector<std::string>&) const;
  template <typename T> Option within(T low, T high) const;        // double, int, size_t; both included
  // Says what is wrong with a word; "" nothing.
  Option check(std::function<std::string(const std::string&)>) const;
  // Puts a word into the form that is kept, or says what is wrong with it; "" nothing.
  Option reads(std::function<std::string(std::string&)>) const;

 private:
  CLI::Option* option_;
};

// The command line of a program or of one of its commands: a handle, valid as long as its Program. What is read is written into the
// variables that were named, which must live until then.
class CommandLine {
 public:
  explicit CommandLine(CLI::App* app) : app_(app) {}
  CommandLine command(const std::string& name, const std::string& about) const;
  template <OptionValue T> Option option(const std::string& names, T& value, const std::string& about) const;   // "-o,--output"; "FILE" is a positional
  Option flag(const std::string& names, bool& value, const std::string& about) const;                           // "!--no-sandbox" makes it false
  void version(const std::string& text) const;                     // --version
  void footer(const std::string& text) const;
  void needs_command() const;                                      // one of its commands must be typed
  void one_command() const;                                        // at most one of its commands may be typed
  void falls_through() const;                                      // options of the command above may be typed behind it
  void runs(std::function<void()>) const;                          // once its part of the line is read
  bool alone() const;                                              // none of its commands was typed
  std::string help() const;

 protected:
  CLI::App* app_;
};

// The command line of a whole program. CLI11 reads it; it is seen by command_line.cc alone, because each file that includes it takes
// five to ten seconds longer to compile (decision 0200).
class Program : public CommandLine {
 public:
  Program(const std::string& about, const std::string& name);
  ~Program();
  Program(const Program&) = delete;
  // Reads the line and runs its commands. Empty: done. Otherwise the status to end with: 0 help or version was asked for and printed,
  // 2 the line is wrong, and standard error says what.
  std::optional<int> read(int argc, const char* const* argv);
  std::optional<int> read(const std::string& line, std::ostream& out, std::ostream& err);

 private:
  std::unique_ptr<CLI::App> whole_;
};

// What a command finds wrong with an option once the whole line is read; only within `runs`.
[[noreturn]] void refuse(const std::string& option, const std::string& why);

}  // namespace vidra
