// The store alone can't tell whether it lost something: an empty tree looks like a new one, and a copy of
// last week like last week. So each place that writes or realises records remembers where it stood, and
// everything here is a comparison of two such points, pure and without a clock.
#include "reconcile/store/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "reconcile/store/store_place.hpp"

namespace ovl {

namespace {

// All that a state keeps.
constexpr std::size_t kAllGenerations = 1000;

// What is no number is 0, as in a state that never kept it: a damaged binding stops nothing.
std::int64_t number_in(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// An earlier version did not write it down: then the oldest apply here tells.
Result<std::int64_t> followed_since(const State& state) {
  OVL_TRY(const auto since, state.binding("since"));
  if (since) return number_in(since);
  OVL_TRY(const std::vector<Generation> generations, state.generations(kAllGenerations));
  return generations.empty() ? 0 : generations.back().when;
}

// Somebody has put the cluster back under the lineage that he remembered, and said which ones ended in it:
// hosts that had gone along with one of those need no word from anybody.
bool is_former(const StoreView& view, const std::string& lineage) {
  return view.put_back && std::ranges::find(view.put_back->former, lineage) != view.put_back->former.end();
}

// When the store's lineage began, as far as its history goes back; 0: it tells nothing. Of the oldest that is
// kept: what came before it is dropped, so that a lineage may look younger than it is.
std::int64_t begin_of(const StoreView& view) {
  return view.generations.empty() ? 0 : view.generations.begin()->second.when;
}

Tree judge_other_lineage(const Memory& memory, const StoreView& view, const std::string& keystore) {
  if (is_former(view, memory.lineage)) return Tree::goes_on;
  // All three together have one explanation: at the very place where this cluster was, from the very
  // repository, somebody began it again after this place had followed it. Anything less may be another
  // cluster that happens to have its name.
  const bool same_source =
      !memory.head || memory.head->source.empty() || memory.head->source == view.head->source;
  const bool later = memory.since > 0 && begin_of(view) >= memory.since;
  const bool same_place = store_place(memory.keystore) == store_place(keystore);
  return same_source && later && same_place ? Tree::begun_anew : Tree::foreign;
}

// Whether somebody has put the tree back since this place stood at its head.
bool was_put_back(const Memory& memory, const StoreView& view) {
  return view.put_back && view.put_back->serial > memory.put_back;
}

bool has_in_history(const Head& head, const Memory& memory, const StoreView& view) {
  if (head.serial > view.head->serial) return false;
  // Serials of two branches are equal numbers; the id of the apply that wrote one is random, and tells them
  // apart.
  if (head.serial == view.head->serial) return head.apply_id == view.head->apply_id;
  const auto kept = view.generations.find(head.serial);
  if (kept != view.generations.end()) return kept->second.apply_id == head.apply_id;
  // Further back than the kept generations nothing can be compared. Where the tree was put back meanwhile,
  // only what came before the generation that it was put back from is certainly in it.
  return !was_put_back(memory, view) || head.serial <= view.put_back->from;
}

Tree judge_same_lineage(const Head& head, const Memory& memory, const StoreView& view) {
  const bool put_back = was_put_back(memory, view);
  if (has_in_history(head, memory, view)) return Tree::goes_on;
  if (put_back && head.serial <= view.put_back->from) return Tree::goes_on;
  // A tree that says itself that it was filled from a memory lacks what that memory did not have, and this
  // place may add it. A tree that does not say so was put back by somebody who may have wanted it.
  return put_back ? Tree::rebuilt : Tree::older;
}

// ---- putting back --------------------------------------------------------------------------------

// The records of `now` that `remembered` does not have by name, and that pass a look at all together. Without
// this, filling a lost store would remove what others have begun there since.
class Beside {
 public:
  Beside(const Records& remembered, const Records& now) : remembered_(remembered), now_(now) {}

  Records run() {
    // What is remembered is in first and never leaves: others go beside it where they fit.
    both_ = remembered_;
    take(now_.hosts, both_.hosts, [](const HostRecord& record) { return "hosts/" + record.name.text(); });
    for (const NetworkRecord& network : now_.networks) {
      // validate_set() lets subnets of two networks overlap, as a manifest may want it. Here the two were
      // chosen without knowing of each other, so nobody has wanted it.
      if (remembered_.network(network.name) == nullptr && !overlaps(network)) {
        take_one(network, both_.networks, "networks/" + network.name.text());
      }
    }
    // Before the endpoints: those of a host or network that was dropped have nowhere to stand.
    drop_refused();
    take(now_.endpoints, both_.endpoints, [](const EndpointRecord& record) {
      return fmt::format("endpoints/{}/{}", record.network.text(), record.name.text());
    });
    drop_refused();
    return std::move(both_);
  }

 private:
  [[nodiscard]] bool is_remembered(const HostRecord& record) const {
    return remembered_.host(record.name) != nullptr;
  }

  [[nodiscard]] bool is_remembered(const EndpointRecord& record) const {
    return remembered_.endpoint(record.network, record.name) != nullptr;
  }

  [[nodiscard]] bool overlaps(const NetworkRecord& network) const {
    return std::ranges::any_of(remembered_.networks, [&](const NetworkRecord& other) {
      return std::ranges::any_of(other.subnets, [&](const IpPrefix& subnet) {
        return std::ranges::any_of(network.subnets,
                                   [&](const IpPrefix& mine) { return mine.overlaps(subnet); });
      });
    });
  }

  template <class Record, class Key>
  void take(const std::vector<Record>& from, std::vector<Record>& into, const Key& key) {
    for (const Record& record : from) {
      if (!is_remembered(record)) take_one(record, into, key(record));
    }
  }

  template <class Record>
  void take_one(const Record& record, std::vector<Record>& into, std::string key) {
    into.push_back(record);
    added_.insert(std::move(key));
  }

  // Of two that hold the same, the look refuses both; what is remembered stays. What stood on one that goes
  // may be refused in its turn.
  void drop_refused() {
    // Ends, as each turn takes one out at least.
    for (std::size_t before = 0; before != added_.size();) {
      before = added_.size();
      drop_what_is_refused_now();
    }
  }

  void drop_what_is_refused_now() {
    both_.sort();
    StoreView look;
    look.records = both_;
    validate_set(look);
    std::set<std::string> bad;
    for (const Finding& finding : look.refused) {
      // Only what was added: the remembered one of the two is refused by this look as well, and stays.
      if (added_.erase(finding.subject) > 0) bad.insert(finding.subject);
    }
    std::erase_if(both_.hosts,
                  [&](const HostRecord& record) { return bad.contains("hosts/" + record.name.text()); });
    std::erase_if(both_.networks, [&](const NetworkRecord& record) {
      return bad.contains("networks/" + record.name.text());
    });
    std::erase_if(both_.endpoints, [&](const EndpointRecord& record) {
      return bad.contains(fmt::format("endpoints/{}/{}", record.network.text(), record.name.text()));
    });
  }

  const Records& remembered_;
  const Records& now_;
  Records both_;
  std::set<std::string> added_;  // keys
};

}  // namespace

Result<Memory> memory_of(const State& state) {
  Memory memory;
  OVL_TRY(const auto lineage, state.binding("lineage"));
  if (!lineage) return memory;
  memory.lineage = *lineage;
  OVL_TRY(const auto head, state.binding("head"));
  if (head) {
    OVL_TRY(const Value value, Value::parse_json(*head));
    OVL_TRY(memory.head, decode<Head>(value));
    // The two are bound one after the other: killed between them, the head is that of the lineage before.
    if (memory.head->lineage != memory.lineage) memory.head.reset();
  }
  OVL_TRY(const auto access, state.binding("keystore"));
  if (access) memory.keystore = url_of(*access);
  OVL_TRY(memory.since, followed_since(state));
  OVL_TRY(const auto put_back, state.binding("put back"));
  memory.put_back = number_in(put_back);
  return memory;
}

std::string url_of(const std::string& keystore_access) {
  const auto value = Value::parse_json(keystore_access);
  const Value* url = value.ok() ? value.value().find("url") : nullptr;
  return url != nullptr && url->as_string() != nullptr ? *url->as_string() : std::string();
}

Status follow_lineage(State& state, const std::string& lineage, std::int64_t now) {
  OVL_TRY(const Memory before, memory_of(state));
  // "since" is when this lineage was first followed, however often it is kept: judge_other_lineage() compares
  // it with the other one's beginning.
  const bool is_new = before.lineage != lineage || before.since == 0;
  OVL_CHECK(state.bind("lineage", lineage));
  return state.bind("since", std::to_string(is_new ? now : before.since));
}

Status keep_memory(State& state, const Standpoint& at) {
  OVL_CHECK(follow_lineage(state, at.head.lineage, at.now));
  if (!at.keystore_access.empty()) OVL_CHECK(state.bind("keystore", at.keystore_access));
  // After the lineage, so that a head without its lineage never stands here.
  OVL_CHECK(state.bind("head", encode(at.head).json()));
  return state.bind("put back", std::to_string(at.put_back ? at.put_back->serial : 0));
}

Tree judge(const Memory& memory, const StoreView& view, const std::string& keystore) {
  // Who remembers nothing takes what is there.
  if (memory.lineage.empty()) return view.head ? Tree::goes_on : Tree::absent;
  if (!view.head) return Tree::lost;
  if (view.head->lineage != memory.lineage) return judge_other_lineage(memory, view, keystore);
  return memory.head ? judge_same_lineage(*memory.head, memory, view) : Tree::goes_on;
}

bool is_put_back(Tree tree) {
  return tree == Tree::lost || tree == Tree::begun_anew || tree == Tree::rebuilt;
}

Records put_back(const Records& remembered, const Records& now) {
  return Beside(remembered, now).run();
}

PutBack put_back_record(const Memory& memory, const StoreView& view, std::int64_t from, std::int64_t serial) {
  PutBack out{.serial = serial, .from = from, .former = {}};
  if (view.put_back) out.former = view.put_back->former;
  // It lives again: what is put back can't be among those that ended.
  std::erase(out.former, memory.lineage);
  if (view.head && view.head->lineage != memory.lineage) out.former.push_back(view.head->lineage);
  return out;
}

}  // namespace ovl
