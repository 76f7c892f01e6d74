// What a command is about, and what it may do. Which stages it goes through is decided elsewhere, once: see
// Request.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/manifest/manifest.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/base/selection.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/netns_list.hpp"
#include "reconcile/records/descent.hpp"
#include "reconcile/records/moves.hpp"
#include "reconcile/records/refuse.hpp"

namespace ovl {

struct Task {
  Label cluster;
  HostName host;                           // this machine; empty in cluster scope
  std::string keystore_access;             // how to reach it, without secrets; the host is bound to it
  std::vector<KeystoreAddress> keystores;  // its servers, which endpoints must not reach
  const Manifest* manifest = nullptr;      // absent: the records say what is wanted
  Origin origin;                           // of the manifest, or of the generation that is put back
  // How the origin's commit stands to `applied`. Empty where there is no commit.
  std::function<Result<Descent>(const std::string& applied)> descent;
  bool dirty = false;           // the manifest's files are not those of the commit
  bool shallow = false;         // they are of a clone that does not know where its history begins
  bool take_over = false;       // the origin may become the records' source in place of another
  bool allow_rollback = false;  // another source or an older commit may be applied; an older tree followed
  bool goes_back = false;       // an older commit may be applied, to the store that is followed
  bool restored = false;        // an older tree, or another lineage, is put back from what is remembered
  // A cluster that is not in the store, and that nobody here remembers, may be begun.
  bool may_begin = true;
  std::optional<DestroyLimit> max_destroy;
  std::optional<Policy> host_policy;  // beside the manifest's own: both hold
  // Who signed exactly what the manifest holds; only for one that was read from `commit` itself: a work
  // tree's files are not what was signed. Empty: nobody, or nobody looked.
  std::string signer;
  std::string unsigned_because;          // why there is no signer: verify_signature's message; may be empty
  Selection selection;                   // of what would change
  Replaces replaces;                     // objects to make anew
  std::vector<std::string> environment;  // variables that options were taken from, for the plan to name
  std::vector<Move> moves;               // renames beside those of the manifest
  // Namespaces of others that endpoints may take. With own_words the manifest alone decides: it is the
  // caller's.
  NetnsList netns_list;
  bool own_words = false;
  // Where an apply could keep or make nothing on this host: "/run/ovl is a symbolic link".
  std::vector<std::string> unusable_places;
  std::vector<std::string> adopt;  // addresses of what exists here and may be taken over
  std::chrono::milliseconds lock_timeout{30'000};
  std::chrono::seconds lock_ttl{60};  // of a lock whose holder went without a word
};

}  // namespace ovl
