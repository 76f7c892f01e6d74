#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "bench/raw_store.hpp"

namespace ovl::bench {

namespace {

// The drivers' keys are below "/a".
const std::string kRoot = "/b/";
// With records of half a kilobyte far below the server's 1 MB for one request.
constexpr std::size_t kCreates = 100;
constexpr std::size_t kTransactionsInFlight = 32;
constexpr std::size_t kReadsInFlight = 8192;

// Answers that are on their way.
class Window {
 public:
  explicit Window(std::size_t size) : size_(size) {}

  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ < size_; });
    ++open_;
  }

  void leave(int code) {
    if (code != ZOK) fail(zerror(code));
    const std::lock_guard lock(mutex_);
    --open_;
    changed_.notify_one();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ == 0; });
  }

 private:
  std::size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t open_ = 0;
};

struct Slot {
  Window* window = nullptr;
  std::string path;
  std::string value;
  std::vector<std::string> names;
};

void on_multi(int code, const void* window) {
  static_cast<Window*>(const_cast<void*>(window))->leave(code);
}

void on_get(int code, const char* value, int size, const struct Stat*, const void* context) {
  auto* slot = static_cast<Slot*>(const_cast<void*>(context));
  if (size > 0) slot->value.assign(value, static_cast<std::size_t>(size));
  slot->window->leave(code);
}

void on_children(int code, const struct String_vector* names, const void* context) {
  auto* slot = static_cast<Slot*>(const_cast<void*>(context));
  if (code == ZOK) slot->names.assign(names->data, names->data + names->count);
  slot->window->leave(code);
}

class RawZookeeper final : public RawStore {
 public:
  explicit RawZookeeper(const std::string& address) {
    zoo_set_debug_level(static_cast<ZooLogLevel>(0));
    handle_ = zookeeper_init(address.c_str(), nullptr, 60'000, nullptr, nullptr, 0);
    if (handle_ == nullptr) fail("ZooKeeper's client does not start");
  }

  RawZookeeper(const RawZookeeper&) = delete;
  RawZookeeper& operator=(const RawZookeeper&) = delete;

  ~RawZookeeper() override { zookeeper_close(handle_); }

  void publish(const std::vector<Item>& items) override {
    const std::vector<Item> nodes = with_parents(items);
    std::vector<std::vector<zoo_op_result_t>> results;
    results.reserve(nodes.size() / kCreates + 1);
    Window window(kTransactionsInFlight);
    for (std::size_t at = 0; at < nodes.size(); at += kCreates) {
      const std::size_t count = std::min(kCreates, nodes.size() - at);
      std::vector<zoo_op_t> ops(count);
      for (std::size_t i = 0; i < count; ++i) {
        const Item& node = nodes[at + i];
        zoo_create_op_init(&ops[i], node.key.c_str(), node.value.data(), static_cast<int>(node.value.size()),
                           &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, nullptr, 0);
      }
      results.emplace_back(count);
      window.enter();
      check(
          zoo_amulti(handle_, static_cast<int>(count), ops.data(), results.back().data(), on_multi, &window));
    }
    window.drain();
  }

  std::vector<Item> read(const std::string& prefix) override {
    Window window(kReadsInFlight);
    std::vector<Slot> level(1);
    level.front().path = kRoot + prefix.substr(0, prefix.size() - 1);
    list(level, window);
    // Two levels: a folder with values, and a folder of folders.
    std::vector<Slot> values = below(level);
    list(values, window);
    if (std::ranges::any_of(values, [](const Slot& slot) { return !slot.names.empty(); })) {
      values = below(values);
    }
    for (Slot& slot : values) {
      slot.window = &window;
      window.enter();
      check(zoo_aget(handle_, slot.path.c_str(), 0, on_get, &slot));
    }
    window.drain();
    std::vector<Item> items;
    items.reserve(values.size());
    for (Slot& slot : values) items.push_back({slot.path.substr(kRoot.size()), std::move(slot.value)});
    std::ranges::sort(items, {}, &Item::key);
    return items;
  }

 private:
  static void check(int code) {
    if (code != ZOK) fail(zerror(code));
  }

  // Inner nodes that are not there yet, each in front of its first child.
  std::vector<Item> with_parents(const std::vector<Item>& items) {
    std::vector<Item> nodes;
    nodes.reserve(items.size());
    for (const Item& item : items) {
      const std::string path = kRoot + item.key;
      for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        std::string parent = path.substr(0, slash);
        if (made_.insert(parent).second) nodes.push_back({std::move(parent), ""});
      }
      nodes.push_back({path, item.value});
    }
    return nodes;
  }

  void list(std::vector<Slot>& level, Window& window) {
    for (Slot& slot : level) {
      slot.window = &window;
      window.enter();
      check(zoo_aget_children(handle_, slot.path.c_str(), 0, on_children, &slot));
    }
    window.drain();
  }

  static std::vector<Slot> below(const std::vector<Slot>& level) {
    std::vector<Slot> next;
    for (const Slot& slot : level) {
      for (const std::string& name : slot.names) next.push_back({.path = slot.path + "/" + name});
    }
    return next;
  }

  zhandle_t* handle_;
  std::set<std::string> made_;
};

}  // namespace

std::unique_ptr<RawStore> raw_zookeeper(const std::string& address) {
  return std::make_unique<RawZookeeper>(address);
}

}  // namespace ovl::bench
