// Keystores side by side with their own clients, in one run:
//   bench-keystores [STORE...] [RECORDS...]
// For each store (sqlite, etcd, consul, zookeeper) and number of endpoint records (1000, 10000, 100000),
// in alternating pairs: publishing them, an apply's whole write (with hosts, networks, claims and head),
// reading them back. Prints medians in milliseconds and the medians of the pairs' ratios, of time and of
// processor time (this process and the server), as a table.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "bench/records.hpp"
#include "bench/stores.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "tests/stores/consul_server.hpp"

namespace ovl::bench {

void fail(std::string_view what) {
  fmt::print(stderr, "bench-keystores: {}\n", what);
  std::exit(1);
}

namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error().message);
  return std::move(result).value();
}

void must(const Status& status) {
  if (!status.ok()) fail(status.error().message);
}

// In milliseconds.
struct Took {
  double wall = 0;
  double processor = 0;  // of all threads of this process and of the server
};

// What all threads of a process have run so far.
double processor_time(pid_t process) {
  clockid_t clock = 0;

  struct timespec time {};

  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    fail("no processor time");
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double median_of(const std::vector<Took>& rounds, double Took::*member) {
  std::vector<double> values;
  for (const Took& took : rounds) values.push_back(took.*member);
  return median(std::move(values));
}

double median_ratio(const std::vector<Took>& ours, const std::vector<Took>& raw, double Took::*member) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < raw.size(); ++i) ratios.push_back(ours[i].*member / (raw[i].*member));
  return median(std::move(ratios));
}

// One line of the table: what both sides took in each round.
struct Line {
  std::string what;
  double goal = 0;
  std::vector<Took> ours = {};
  std::vector<Took> raw = {};

  void print(const std::string& store, std::size_t records) const {
    fmt::print("| {} | {} | {} | {:.1f} |", store, records, what, median_of(ours, &Took::wall));
    if (raw.empty()) {
      fmt::print(" - | - | - | - |\n");
    } else {
      fmt::print(" {:.1f} | {:.2f} | {:.2f} | {} |\n", median_of(raw, &Took::wall),
                 median_ratio(ours, raw, &Took::wall), median_ratio(ours, raw, &Took::processor),
                 goal == 0 ? "-" : fmt::format("{:.1f}", goal));
    }
    std::fflush(stdout);
  }
};

// The keys and values of one apply under another root of the same length.
std::vector<Item> items_of(const Snapshot& snapshot, const std::string& old_root, const std::string& root,
                           std::string_view folder) {
  std::vector<Item> items;
  for (const KeyValue& item : snapshot.items) {
    const std::string below = item.key.substr(old_root.size());
    if (below.starts_with(folder)) items.push_back({root + below, item.value});
  }
  return items;
}

std::vector<Unit> units_of(std::vector<Item> items) {
  std::vector<Unit> units;
  for (Item& item : items) {
    units.push_back({.guards = {{.kind = Guard::Kind::absent, .key = item.key}},
                     .writes = {{.key = item.key, .value = std::move(item.value)}}});
  }
  return units;
}

class Bench {
 public:
  Bench(const StoreKind& kind, std::size_t records)
      : kind_(kind), count_(records), records_(make_records(records)), written_(write_to_memory()) {}

  void run(int rounds) {
    server_ = kind_.start();
    if (server_ == nullptr) return fmt::print(stderr, "{}: no server, {}\n", kind_.name, test::kNoConsul);
    raw_ = server_->raw();
    store_ = must(open_keystore(
        {.url = server_->url(), .timeout = std::chrono::minutes{2}, .driver_directory = OVL_DRIVER_DIR}));
    for (int i = 0; i < rounds; ++i) publish_round(i);
    for (const Line* line : {&publish_, &read_}) line->print(kind_.name, count_);
    for (int i = 0; i < rounds; ++i) apply_round(i);
    for (const Line* line : {&apply_, &view_, &lock_}) line->print(kind_.name, count_);
  }

 private:
  static StoreLayout layout(char side, int round) {
    return StoreLayout(Label::parse(fmt::format("{}-{:03}", side, round)).value());
  }

  StoreLock lock(Keystore& store, const StoreLayout& layout) {
    return must(StoreLock::acquire(store, layout, {.who = "root@here", .host = "here", .boot = "b"}, {}));
  }

  Snapshot write_to_memory() {
    FakeStore memory;
    const auto store = memory.connect();
    apply(*store, layout('m', 0));
    return must(store->read(layout('m', 0).root()));
  }

  void apply(Keystore& store, const StoreLayout& layout) {
    StoreLock held = lock(store, layout);
    apply(store, layout, held);
    must(held.release());
  }

  void apply(Keystore& store, const StoreLayout& layout, StoreLock& held) {
    must(execute_records(store, layout, StoreView{}, records_, Head{.lineage = "l", .serial = 1}, held));
  }

  [[nodiscard]] double processor_time_now() const {
    const pid_t server = server_->pid();
    return processor_time(::getpid()) + (server > 0 ? processor_time(server) : 0);
  }

  template <class Work>
  Took measure(const Work& work) const {
    const double processor = processor_time_now();
    const auto begin = Clock::now();
    work();
    const double wall = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    return {.wall = wall, .processor = processor_time_now() - processor};
  }

  // Ours first, or theirs.
  template <class Ours, class Raw>
  void pair(Line& line, bool swapped, const Ours& ours, const Raw& raw) {
    if (swapped) line.raw.push_back(measure(raw));
    line.ours.push_back(measure(ours));
    if (!swapped) line.raw.push_back(measure(raw));
  }

  void lock_round(const StoreLayout& layout) {
    lock_.ours.push_back(measure([&] { must(lock(*store_, layout).release()); }));
  }

  void publish_round(int number) {
    lock_round(layout('l', number));
    const bool swapped = number % 2 == 1;
    const StoreLayout ours = layout('p', number);
    const StoreLayout theirs = layout('q', number);
    auto units = units_of(items_of(written_, layout('m', 0).root(), ours.root(), "endpoints/"));
    const auto items = items_of(written_, layout('m', 0).root(), theirs.root(), "endpoints/");
    StoreLock held = lock(*store_, ours);
    pair(
        publish_, swapped, [&] { must(commit_units(*store_, std::move(units), held)); },
        [&] { raw_->publish(items); });
    must(held.release());
    Snapshot snapshot;
    std::vector<Item> raw;
    pair(
        read_, swapped, [&] { snapshot = must(store_->read(ours.root() + "endpoints/")); },
        [&] { raw = raw_->read(theirs.root() + "endpoints/"); });
    check(snapshot, raw, ours.root().size());
  }

  void apply_round(int number) {
    const StoreLayout ours = layout('a', number);
    const StoreLayout theirs = layout('b', number);
    const auto items = items_of(written_, layout('m', 0).root(), theirs.root(), "");
    StoreLock held = lock(*store_, ours);
    pair(
        apply_, number % 2 == 1, [&] { apply(*store_, ours, held); }, [&] { raw_->publish(items); });
    must(held.release());
    StoreView view;
    view_.ours.push_back(measure([&] { view = must(read_store(*store_, ours)); }));
    if (view.records.endpoints.size() != count_) fail("not all records came back");
  }

  void check(const Snapshot& snapshot, const std::vector<Item>& raw, std::size_t root) const {
    bool same = snapshot.items.size() == count_ && raw.size() == count_;
    for (std::size_t i = 0; same && i < count_; ++i) {
      const KeyValue& item = snapshot.items[i];
      same = item.value == raw[i].value && item.key.substr(root) == raw[i].key.substr(root);
    }
    if (!same) fail("what was read is not what was written");
  }

  const StoreKind& kind_;
  std::size_t count_;
  Records records_;
  Snapshot written_;
  std::unique_ptr<StoreServer> server_;
  std::unique_ptr<RawStore> raw_;
  std::unique_ptr<Keystore> store_;
  Line publish_{.what = "publish the records", .goal = kind_.goal.publish};
  Line apply_{.what = "an apply's write"};
  Line read_{.what = "read the prefix", .goal = kind_.goal.read};
  Line view_{.what = "read_store: read and validate"};
  Line lock_{.what = "lock and unlock"};
};

int rounds_for(std::size_t records) {
  return records <= 1000 ? 11 : records <= 10'000 ? 5 : 3;
}

struct Choice {
  std::vector<std::string> stores;
  std::vector<std::size_t> records;
};

Choice choose(const std::vector<std::string>& words) {
  Choice choice;
  for (const std::string& word : words) {
    if (word.find_first_not_of("0123456789") != std::string::npos) {
      choice.stores.push_back(word);
    } else {
      choice.records.push_back(std::strtoul(word.c_str(), nullptr, 10));
    }
  }
  if (choice.records.empty()) choice.records = {1000, 10'000, 100'000};
  return choice;
}

void run(const Choice& choice) {
  fmt::print(
      "| store | records | what | ovl, ms | its own client, ms | ratio | processor | goal |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const StoreKind& kind : store_kinds()) {
    if (!choice.stores.empty() && std::ranges::find(choice.stores, kind.name) == choice.stores.end())
      continue;
    for (const std::size_t records : choice.records) Bench(kind, records).run(rounds_for(records));
  }
}

}  // namespace

}  // namespace ovl::bench

int main(int argc, char** argv) {
  ovl::bench::run(ovl::bench::choose({argv + 1, argv + argc}));
}
