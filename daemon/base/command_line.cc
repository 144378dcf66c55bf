// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/command_line.h"

#include <CLI/CLI.hpp>

namespace vidra {

Option Option::required() const { return Option(option_->required()); }
Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }
Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }
Option Option::words(int count) const { return Option(option_->expected(count)); }
Option Option::one_word() const { return Option(option_->allow_extra_args(false)); }
Option Option::any_words() const { return Option(option_->take_all()); }
Option Option::shows_default() const { return Option(option_->capture_default_str()); }
Option Option::one_of(const std::vector<std::string>& allowed) const { return Option(option_->check(CLI::IsMember(allowed))); }
Option Option::check(std::function<std::string(const std::string&)> flaw) const { return Option(option_->check(std::move(flaw))); }

Option Option::reads(std::function<std::string(std::string&)> form) const {
  return Option(option_->transform([form = std::move(form)](std::string word) {
    if (const std::string flaw = form(word); !flaw.empty()) throw CLI::ValidationError(flaw);
    return word;
  }));
}

template <typename T> Option Option::within(T low, T high) const { return Option(option_->check(CLI::Range(low, high))); }
template Option Option::within(double, double) const;
template Option Option::within(int, int) const;
template Option Option::within(size_t, size_t) const;

template <OptionValue T> Option CommandLine::option(const std::string& names, T& value, const std::string& about) const { return Option(app_->add_option(names, value, about)); }
template Option CommandLine::option(const std::string&, std::string&, const std::string&) const;
template Option CommandLine::option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Option CommandLine::option(const std::string&, double&, const std::string&) const;
template Option CommandLine::option(const std::string&, int&, const std::string&) const;
template Option CommandLine::option(const std::string&, uint32_t&, const std::string&) const;
template Option CommandLine::option(const std::string&, size_t&, const std::string&) const;

CommandLine CommandLine::command(const std::string& name, const std::string& about) const { return CommandLine(app_->add_subcommand(name, about)); }
Option CommandLine::flag(const std::string& names, bool& value, const std::string& about) const { return Option(app_->add_flag(names, value, about)); }
void CommandLine::version(const std::string& text) const { app_->set_version_flag("--version", text); }
void CommandLine::footer(const std::string& text) const { app_->footer(text); }
void CommandLine::needs_command() const { app_->require_subcommand(1); }
void CommandLine::one_command() const { app_->require_subcommand(0, 1); }
void CommandLine::falls_through() const { app_->fallthrough(); }
void CommandLine::runs(std::function<void()> what) const { app_->callback(std::move(what)); }
bool CommandLine::alone() const { return app_->get_subcommands().empty(); }
std::string CommandLine::help() const { return app_->help(); }

Program::Program(const std::string& about, const std::string& name) : CommandLine(nullptr), whole_(std::make_unique<CLI::App>(about, name)) { app_ = whole_.get(); }
Program::~Program() = default;

namespace {

template <typename Read> std::optional<int> status_of(CLI::App& app, std::ostream& out, std::ostream& err, Read read) {
  try {
    read();
  } catch (const CLI::ParseError& e) {
    return app.exit(e, out, err) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> Program::read(int argc, const char* const* argv) {
  return status_of(*app_, std::cout, std::cerr, [&] { app_->parse(argc, argv); });
}

std::optional<int> Program::read(const std::string& line, std::ostream& out, std::ostream& err) {
  return status_of(*app_, out, err, [&] { app_->parse(line); });
}

void refuse(const std::string& option, const std::string& why) { throw CLI::ValidationError(option, why); }

}  // namespace vidra
