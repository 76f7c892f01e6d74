// Which namespaces that exist, and that ovl did not make, the endpoints of somebody else's words may take:
// what the host's own list names, and what this host has taken before.
#pragma once

#include "model/manifest/manifest.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/objects/adopt.hpp"
#include "state/state.hpp"

namespace ovl {

// The host's list. In its patterns '*' stands for any characters.
struct NetnsList {
  std::string file;  // where it stands, or would stand
  std::vector<std::string> patterns;

  [[nodiscard]] bool allows(const NetnsName& name) const;
  // The line that would allow it too.
  [[nodiscard]] std::string line_with(const NetnsName& name) const;
};

// netns = ["web", "app-*"], and nothing else. Errors: manifest, with the place.
Result<NetnsList> parse_netns_list(const SourceFile& file);

// A conflict of each endpoint that would take what it may not. Before the plan's differences are looked for.
Status refuse_strangers(Plan& plan, const NetnsList& list, const Adoption& adoption, const State& state);

}  // namespace ovl
