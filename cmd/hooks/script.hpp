// The hooks that ovl knows, and the script that stands for each in a repository's hooks folder.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/base/options.hpp"

namespace ovl {

struct HookKind {
  std::string_view name;
  bool reads_input;  // git tells it on stdin what is pushed
  bool may_refuse;   // what it answers counts: a hook that ran before it and refused is enough
  std::string_view what;
};

inline constexpr std::array<HookKind, 5> kHooks{
    HookKind{"pre-commit", false, true, "validates what is about to be committed"},
    HookKind{"pre-push", true, true, "validates what is about to be pushed"},
    HookKind{"pre-receive", true, true, "validates and plans what is pushed here, and refuses it"},
    HookKind{"post-receive", true, false, "applies what was pushed here"},
    HookKind{"post-merge", false, false, "plans what was merged; applies it with --auto-approve"}};

// None: there is no such hook.
const HookKind* find_hook(std::string_view name);

// The options that a hook keeps, as the arguments of `ovl hook run`.
std::vector<std::string> hook_arguments(const GlobalOptions& global, const PlanOptions& options);

// The whole script. `program`: ovl's absolute path. `before`: the hook that stood there, which runs first.
std::string hook_script(const HookKind& hook, const std::string& program, const std::string& before,
                        const std::vector<std::string>& arguments);

// What such a script calls: ovl's path, then its arguments up to git's own. Empty: it is none of ours.
std::vector<std::string> call_in(const std::string& script);

// Whether a script is one of ours.
bool is_hook_script(std::string_view text);

}  // namespace ovl
