// A hook has to be a file that git runs, and ovl has options: so a shell script of a few lines keeps them. It
// is run in the environment of whoever pushes, which decides what has to be in it: quoting of everything,
// absolute paths, no expansion but its own, and loader variables gone before the first program of ours is
// started.
#include "cmd/hooks/script.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

// In a comment, so that no shell reads it, and by a prefix that names no version: each ovl knows the scripts
// of any other.
constexpr std::string_view kMark = "# ovl hook: ";

// What the dynamic loader would do for whoever pushes. /bin/sh itself it has done for already.
constexpr std::string_view kUnset =
    "unset LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG LD_DEBUG_OUTPUT LD_PROFILE LD_PROFILE_OUTPUT "
    "GLIBC_TUNABLES";

// Single quotes are the one quoting of sh(1) in which nothing is expanded. A quote itself ends them, stands
// escaped, and begins them anew.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The words of a line whose words are plain or as quoted() writes them. The inverse of quoted(), and no
// shell: what is read back is run without one.
std::vector<std::string> unquoted(std::string_view line) {
  std::vector<std::string> out;
  bool quotes = false;
  bool word = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == ' ' && !quotes) {
      word = false;
      continue;
    }
    if (!word) out.emplace_back();
    word = true;
    if (c == '\'') {
      quotes = !quotes;
    } else {
      out.back() += c == '\\' && !quotes && at + 1 < line.size() ? line[++at] : c;
    }
  }
  return out;
}

// The hook that stood there, with the same arguments and the same input. It runs with the arguments, the
// input and the environment that it had when it stood alone: it does not know of us.
std::string before_lines(const HookKind& hook, const std::string& before) {
  const std::string_view input = hook.reads_input ? "printf %s \"$input\" | " : "";
  // Its refusal is the hook's. What post-receive and post-merge answer counts for nothing, so that ours runs
  // all the same.
  const std::string_view end = hook.may_refuse ? "exit $?" : ":";
  return fmt::format("before={}\nif [ -x \"$before\" ]; then {}\"$before\" \"$@\" || {}; fi\n",
                     quoted(before), input, end);
}

struct ArgumentList {
  std::vector<std::string> out;

  void option(const char* name, const std::string& value, std::string_view unless = {}) {
    if (value == unless) return;
    out.emplace_back(name);
    out.push_back(value);
  }

  void options(const char* name, const std::vector<std::string>& values) {
    for (const std::string& value : values) option(name, value);
  }

  void flag(const char* name, bool value) {
    if (value) out.emplace_back(name);
  }
};

// References only, never a secret: a hook can be read by whoever can read the repository.
void add_keystore(const KeystoreAccess& access, ArgumentList& list) {
  list.option("--keystore", access.url);
  list.option("--token", access.token);
  list.option("--user", access.user);
  list.option("--password", access.password);
  list.option("--tls-ca", access.ca);
  list.option("--tls-cert", access.cert);
  list.option("--tls-key", access.key);
  list.flag("--allow-plaintext", access.allow_plaintext);
}

}  // namespace

const HookKind* find_hook(std::string_view name) {
  const auto found = std::ranges::find(kHooks, name, &HookKind::name);
  return found != kHooks.end() ? &*found : nullptr;
}

std::vector<std::string> hook_arguments(const GlobalOptions& global, const PlanOptions& options) {
  const GlobalOptions plain_global;
  const PlanOptions plain;
  ArgumentList list;
  // What is as it is by default is left out: a hook from today follows a default that changes.
  list.option("--state-dir", global.state_directory, plain_global.state_directory);
  list.option("--run-dir", global.run_directory, plain_global.run_directory);
  list.option("--repo", options.repo);
  list.option("--ref", options.ref);
  // An option here and no argument: git's own arguments stand behind "--".
  list.option("--path", options.path);
  list.option("--scope", options.scope, plain.scope);
  list.option("--host", options.host);
  list.option("--cluster", options.cluster);
  add_keystore(options.keystore, list);
  list.option("--timeout", options.timeout, plain.timeout);
  list.option("--lock-timeout", options.lock_timeout, plain.lock_timeout);
  list.option("--max-destroy", options.max_destroy);
  list.option("--policy", options.policy);
  list.options("--target", options.targets);
  list.options("--exclude", options.excludes);
  list.options("--replace", options.replaces);
  list.flag("--refresh-only", options.refresh_only);
  list.option("--format", options.format, plain.format);
  list.flag("--json", options.json);
  list.flag("--allow-rollback", options.allow_rollback);
  list.flag("--new-cluster", options.new_cluster);
  list.flag("--auto-approve", options.auto_approve);
  list.flag("--show-all", options.show_all);
  return list.out;
}

std::string hook_script(const HookKind& hook, const std::string& program, const std::string& before,
                        const std::vector<std::string>& arguments) {
  std::string out = fmt::format(
      "#!/bin/sh\n{}{}\n# {}. Written by `ovl hook install`, taken away by `ovl hook uninstall`.\n", kMark,
      hook.name, hook.what);
  // $() drops line breaks at the end. What ran before this hook gets its environment as it came. git gives
  // the input once, and two programs need it.
  if (hook.reads_input) {
    out += fmt::format("input=$({}; PATH=/usr/bin:/bin; cat; printf x)\ninput=${{input%x}}\n", kUnset);
  }
  out += before_lines(hook, before);
  out += fmt::format("{}\n", kUnset);
  // printf is built into sh, so that no argument of another program gets longer than the kernel lets it be.
  // The last of a pipe is what the script answers.
  out += hook.reads_input ? "printf %s \"$input\" | " : "exec ";
  out += fmt::format("{} hook run {}", quoted(program), hook.name);
  for (const std::string& argument : arguments) out += " " + quoted(argument);
  return out + " -- \"$@\"\n";
}

std::vector<std::string> call_in(const std::string& script) {
  const auto lead = script.find("' hook run ");
  const auto end = script.rfind(" -- \"$@\"");
  // Somebody may have edited it: what is not as we write it is no call.
  if (!is_hook_script(script) || lead == std::string::npos || end == std::string::npos || end < lead)
    return {};
  const auto begin = script.rfind('\n', lead) + 1;
  const auto first = script.find('\'', begin);
  return unquoted(std::string_view(script).substr(first, end - first));
}

bool is_hook_script(std::string_view text) {
  // Near the top, where we put it: a hook that speaks of ours further down is somebody's own.
  return text.substr(0, 200).find(kMark) != std::string_view::npos;
}

}  // namespace ovl
