// The last words of what plans and applies, and whether anything is left to do: said in one place for all
// verbs and formats. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

struct ClosingFacts {
  Scope scope = Scope::all;
  bool destroy = false;
  bool partial = false;  // a selection
  bool refresh_only = false;
  bool takes_source = false;              // the records get another source
  bool refused = false;                   // an apply of it would change nothing
  std::optional<std::int64_t> done = {};  // it was carried out, and this is the generation; 0: of no records
  std::string host = {};                  // this one; empty in cluster scope
  PlanParts parts = {};                   // what is planned
  std::size_t records = 0;                // that change
  std::size_t objects = 0;                // of this host that change
  std::size_t drift = 0;                  // objects that differ and stay, where it only looks
  std::vector<std::string> left = {};     // parts of this host that stay as they are: "the gateway"
  std::vector<std::string> waiting = {};  // what waits for other hosts: "network.blue"
  Undone undone = {};
};

struct Closing {
  std::string words;  // one line, without its end
  // Nothing changes here, waits, is frozen or drifts: what --detailed-exitcode calls 0.
  bool is_settled = false;
};

Closing closing(const ClosingFacts& facts);

// Of a plan.
ClosingFacts closing_facts(const Plan& plan);

// Of an apply of it, which came to `generation` and left these as they are. One that had nothing to do ends
// as its plan does.
ClosingFacts closing_facts(const Plan& plan, std::int64_t generation, const std::vector<Finding>& left);

}  // namespace ovl
