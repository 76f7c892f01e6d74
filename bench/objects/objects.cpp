// Plan and apply beside a program of our own on libmnl and beside iproute2's batch modes, in one run:
//   bench-objects [ROUNDS] [CASE...]
// Each measurement is made by a child process in network and mount namespaces of its own, with the records in
// a SQLite keystore and the state on a tmpfs; the contenders take turns, in an order that rotates. What they
// made is read back by ovl and compared. Prints medians in milliseconds and the medians of the rounds'
// ratios.
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>

#include "bench/objects/cases.hpp"
#include "bench/objects/peers.hpp"
#include "drivers/kernel/linux.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/run/apply.hpp"

namespace ovl::bench {

void fail(std::string_view what) {
  fmt::print(stderr, "bench-objects: {}\n", what);
  std::exit(1);
}

namespace {

template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error().message);
  return std::move(result).value();
}

void must(const Status& status) {
  if (!status.ok()) fail(status.error().message);
}

void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) fail(command);  // NOLINT(concurrency-mt-unsafe): one thread
}

constexpr const char* kPlace = "/mnt";  // a tmpfs that only the child sees
constexpr int kReadings = 5;            // of what changes nothing, per round

// ---- measuring -----------------------------------------------------------------------------------------

// Milliseconds of wall time and of processor time, this process's and its children's.
struct Took {
  double wall = 0;
  double processor = 0;
};

double processor_now() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(who, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  }
  return sum;
}

template <class Work>
Took measure(const Work& work) {
  const double processor = processor_now();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begin;
  return {.wall = wall.count(), .processor = processor_now() - processor};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The median by wall time of some readings.
template <class Work>
Took measure_often(const Work& work) {
  std::vector<Took> all;
  for (int i = 0; i < kReadings; ++i) all.push_back(measure(work));
  std::ranges::sort(all, {}, &Took::wall);
  return all[all.size() / 2];
}

// ---- one host ------------------------------------------------------------------------------------------

class Host {
 public:
  explicit Host(const Case& wanted) {
    enter();
    request_.scope = Scope::host;
    request_.cluster = must(Label::parse("bench"));
    request_.host = must(HostName::parse(kHere));
    state_.emplace(must(State::open({.root = std::string(kPlace) + "/state", .cluster = request_.cluster})));
    keystore_ = must(open_keystore({.url = fmt::format("sqlite://{}/keystore.db", kPlace)}));
    kernel_ = must(open_linux_kernel({}));
    world_.kernel = kernel_.get();
    world_.keystore = keystore_.get();
    world_.state = &*state_;
    world_.now = 1;
    world_.holder = {.who = "root@here", .host = kHere, .boot = "b"};
    publish(records_of(wanted));
  }

  Planned plan() { return must(make_plan(request_, world_)); }

  void apply() {
    const auto approve = [](const Plan&) { return Status(); };
    must(ovl::apply(request_, world_, approve, Progress()));
  }

  void read_records() { must(read_store(*keystore_, StoreLayout(request_.cluster))); }

  // What the peers do too: no filters, sysctls and files.
  void execute(const std::vector<OperationGroup>& groups) {
    kernel_->hold_namespaces(true);
    for (const OperationGroup& group : groups) {
      const ApplyOutcome outcome = kernel_->apply(group.operations);
      if (outcome.error) fail(outcome.error->message);
    }
    kernel_->hold_namespaces(false);
  }

  HostObjects observe(const HostObjects& wanted) { return must(kernel_->observe(wanted)); }

 private:
  // Network and mounts of its own, an underlay device with the VTEP, a place for the files.
  static void enter() {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      fail(fmt::format("needs root: {}", std::strerror(errno)));
    }
    for (const char* directory : {"/run/netns", "/etc/netns", kPlace}) {
      ::mkdir(directory, 0755);
      if (::mount("tmpfs", directory, "tmpfs", 0, "mode=0755") != 0) fail(std::strerror(errno));
    }
    shell(fmt::format(
        "ip link set lo up && ip link add eth1 type veth peer name far && ip address add {}/24 dev "
        "eth1 && ip link set eth1 up && ip link set far up",
        kVtep));
  }

  void publish(const Records& records) {
    const StoreLayout layout(request_.cluster);
    StoreLock lock = must(StoreLock::acquire(*keystore_, layout, world_.holder, {}));
    must(execute_records(*keystore_, layout, StoreView{}, records, Head{.lineage = "l", .serial = 1}, lock));
    must(lock.release());
  }

  Request request_;
  World world_;
  std::optional<State> state_;
  std::unique_ptr<Keystore> keystore_;
  std::unique_ptr<Kernel> kernel_;
};

bool is_of_peers(const Operation& operation) {
  return !std::holds_alternative<const NftTable*>(operation.after) &&
         !std::holds_alternative<const Sysctl*>(operation.after) &&
         !std::holds_alternative<const HostsFile*>(operation.after);
}

std::vector<OperationGroup> operations_of_peers(const Plan& plan) {
  std::vector<OperationGroup> groups = operations_of(plan);
  for (OperationGroup& group : groups)
    std::erase_if(group.operations, [](const Operation& operation) { return !is_of_peers(operation); });
  return groups;
}

std::size_t count_of_peers(const Plan& plan) {
  std::size_t count = 0;
  for (const OperationGroup& group : operations_of_peers(plan)) count += group.operations.size();
  return count;
}

// What a peer made is what was planned.
void compare(Host& host, const Plan& plan) {
  const HostObjects seen = host.observe(plan.desired);
  for (const NamespaceObjects& wanted : plan.desired.namespaces) {
    const NamespaceObjects* space = seen.find(wanted.name);
    const bool same = space != nullptr && space->netns == wanted.netns &&
                      space->addresses == wanted.addresses && space->routes == wanted.routes &&
                      space->neighbours == wanted.neighbours && space->fdb == wanted.fdb &&
                      std::ranges::all_of(wanted.links, [&](const Link& link) {
                        const auto at = std::ranges::find(space->links, link.name, &Link::name);
                        return at != space->links.end() && differing(link, *at) == 0;
                      });
    if (!same) fail(fmt::format("namespace \"{}\" is not as planned", wanted.name.text()));
  }
}

// ---- contenders ----------------------------------------------------------------------------------------

using Takes = std::map<std::string, Took>;  // by what was measured

Takes run_ovl(const Case& wanted) {
  Host host(wanted);
  Takes takes;
  Planned planned;
  takes["plan"] = measure([&] { planned = host.plan(); });
  takes["apply"] = measure([&] { host.apply(); });
  if (!host.plan().plan.empty()) fail("ovl's second plan is not empty");
  takes["noop"] = measure_often([&] { host.plan(); });
  takes["records"] = measure_often([&] { host.read_records(); });
  takes["observe"] = measure_often([&] { host.observe(planned.plan.desired); });
  takes["read-libmnl"] = measure_often([&] { read_with_libmnl(planned.plan.desired); });
  const Iproute iproute(planned.plan.desired, kPlace);
  takes["read-iproute"] = measure([&] { iproute.read(); });
  return takes;
}

Takes run_driver(const Case& wanted) {
  Host host(wanted);
  const Planned planned = host.plan();
  const auto groups = operations_of_peers(planned.plan);
  const Took took = measure([&] { host.execute(groups); });
  compare(host, planned.plan);
  return {{"driver", took}, {"objects", {.wall = static_cast<double>(count_of_peers(planned.plan))}}};
}

Takes run_libmnl(const Case& wanted) {
  Host host(wanted);
  const Planned planned = host.plan();
  const Took took = measure([&] { make_with_libmnl(planned.plan.desired); });
  compare(host, planned.plan);
  return {{"libmnl", took}};
}

Takes run_iproute(const Case& wanted) {
  Host host(wanted);
  const Planned planned = host.plan();
  const Iproute iproute(planned.plan.desired, kPlace);
  const Took took = measure([&] { iproute.make(); });
  compare(host, planned.plan);
  return {{"iproute", took}};
}

// ---- rounds --------------------------------------------------------------------------------------------

// Runs it in a child, whose namespaces go with it.
Takes in_child(const std::function<Takes()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    FILE* out = ::fdopen(ends[1], "w");
    for (const auto& [name, took] : work()) fmt::print(out, "{} {} {}\n", name, took.wall, took.processor);
    std::fclose(out);
    ::_exit(0);
  }
  ::close(ends[1]);
  FILE* in = ::fdopen(ends[0], "r");
  Takes takes;
  char name[32];
  Took took;
  while (std::fscanf(in, "%31s %lf %lf", name, &took.wall, &took.processor) == 3) takes[name] = took;
  std::fclose(in);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) fail("a measurement failed");
  return takes;
}

// The kernel takes dead namespaces apart one after the other (cleanup_net()): when one that is made now is
// gone, so are those of the child before, and disturb no more. Its end of a veth pair goes with it.
void wait_for_cleanup() {
  shell(
      "ip netns add marker && ip link add marker0 type veth peer name marker1 netns marker && "
      "ip netns del marker");
  // Between two measurements, in none of them; the bound is far above what was seen.
  for (int i = 0; i < 60'000 && ::access("/sys/class/net/marker0", F_OK) == 0; ++i) ::usleep(1000);
}

struct Named {
  std::string name;
  Case wanted;
};

const std::vector<Named> kCases = {
    {"10,000 remote endpoints, 1 network", {.networks = 1, .remote = 10'000, .local = 1}},
    {"10,000 remote endpoints, 100 networks", {.networks = 100, .remote = 10'000, .local = 100}},
    {"100 local endpoints, 1 network", {.networks = 1, .remote = 0, .local = 100, .outside = true}},
};

class Rounds {
 public:
  explicit Rounds(const Named& named) : named_(named) {}

  void run(int rounds) {
    const std::vector<std::function<Takes(const Case&)>> contenders = {run_ovl, run_driver, run_libmnl,
                                                                       run_iproute};
    for (int round = 0; round < rounds; ++round) {
      Takes takes;
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        const auto& contender = contenders[(i + static_cast<std::size_t>(round)) % contenders.size()];
        takes.merge(in_child([&] { return contender(named_.wanted); }));
        wait_for_cleanup();
      }
      rounds_.push_back(std::move(takes));
    }
    print();
  }

 private:
  [[nodiscard]] double median_of(const std::string& name, double Took::*member = &Took::wall) const {
    std::vector<double> values;
    for (const Takes& takes : rounds_) values.push_back(takes.at(name).*member);
    return median(std::move(values));
  }

  // ", 1.23 (1.20)" of wall and processor time.
  [[nodiscard]] std::string ratios(const std::string& ours, const std::string& theirs) const {
    std::vector<double> wall;
    std::vector<double> processor;
    for (const Takes& takes : rounds_) {
      wall.push_back(takes.at(ours).wall / takes.at(theirs).wall);
      processor.push_back(takes.at(ours).processor / takes.at(theirs).processor);
    }
    return fmt::format("{:.2f} ({:.2f})", median(std::move(wall)), median(std::move(processor)));
  }

  void line(std::string_view what, const std::string& ours, const std::string& libmnl = {},
            const std::string& iproute = {}) const {
    const auto peer = [&](const std::string& name) {
      return name.empty() ? std::string("- | -")
                          : fmt::format("{:.1f} | {}", median_of(name), ratios(ours, name));
    };
    fmt::print("| {} | {} | {:.1f} | {} | {} |\n", named_.name, what, median_of(ours), peer(libmnl),
               peer(iproute));
    std::fflush(stdout);
  }

  void print() const {
    line("first plan", "plan");
    line("whole apply", "apply", "libmnl", "iproute");
    line(fmt::format("the {} objects of the peers alone", median_of("objects")), "driver", "libmnl",
         "iproute");
    line("plan with nothing to do", "noop", "read-libmnl", "read-iproute");
    line("in it: reading the kernel", "observe", "read-libmnl", "read-iproute");
    line("in it: reading the records", "records");
  }

  const Named& named_;
  std::vector<Takes> rounds_;
};

// The marker namespaces are made where nobody else's are.
void enter_quiet_place() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      (::mkdir("/run/netns", 0755) != 0 && errno != EEXIST) ||
      ::mount("tmpfs", "/run/netns", "tmpfs", 0, "mode=0755") != 0 || ::umount2("/sys", MNT_DETACH) != 0 ||
      ::mount("sysfs", "/sys", "sysfs", 0, nullptr) != 0) {
    fail(fmt::format("needs root: {}", std::strerror(errno)));
  }
}

int run(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  if (rounds < 1) fail("usage: bench-objects [ROUNDS] [CASE...], cases from 1 to 3");
  enter_quiet_place();
  fmt::print("Ratios of wall time, in brackets of processor time; medians of {} rounds.\n\n", rounds);
  fmt::print("| objects | what | ovl, ms | libmnl, ms | ratio | iproute2, ms | ratio |\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    const bool chosen =
        argc < 3 || std::any_of(argv + 2, argv + argc, [&](char* word) { return number == word; });
    if (chosen) Rounds(kCases[i]).run(rounds);
  }
  return 0;
}

}  // namespace

}  // namespace ovl::bench

int main(int argc, char** argv) {
  return ovl::bench::run(argc, argv);
}
