// A cluster as one place sees it at one moment: what its store holds, against what is remembered here.
#pragma once

#include <string>
#include <vector>

#include "reconcile/store/last_good.hpp"
#include "reconcile/store/memory.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

struct Cluster {
  StoreView view;
  Memory memory;              // of the cluster, in this place
  Remembered remembered;      // the records with it, when they are put back or stand for the store's
  Tree tree = Tree::goes_on;  // what the store holds, against that
  bool puts_back = false;     // the records are to be written as they are remembered
  bool away = false;    // the last good records stand for the store's: it can't be reached, or they don't fit
  bool misfit = false;  // the store's records are not those of its head
  bool lost_counts = false;          // for guards and policies: what is known, and the store has lost
  bool stands_on_good = false;       // the last good records stand for those that are refused
  Records known;                     // what open values are kept from, under the names that are wanted
  std::vector<HostName> lost;        // hosts that are lost, sorted; see lost_hosts.hpp
  std::vector<Finding> warnings;     // of what was read
  std::vector<Finding> refused;      // what keeps records from being written into it
  std::vector<std::string> waiting;  // what others are about to write

  // The records that stand: those that are put back, else the store's.
  [[nodiscard]] const Records& standing() const { return puts_back ? known : view.records; }

  // The head that who applies here is measured by: where there is no tree, or not the one that counts, that
  // of what is remembered. None: there is none.
  [[nodiscard]] const Head* followed_head() const {
    if (puts_back && memory.head) return &*memory.head;
    return view.head ? &*view.head : nullptr;
  }
};

}  // namespace ovl
