#include "proptest/hostile.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/base/commit.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

std::string manifest_text(const std::string& cluster) {
  return "[cluster]\nname = \"" + cluster + R"("
[keystore]
url = "sqlite:///unused"
[host.a]
advertise = "192.0.2.1"
gateway_pool = "172.20.0.0/16"
[host.b]
advertise = "192.0.2.2"
[network.blue]
subnets = ["10.0.9.0/24", "fd00:9::/64"]
vni = 4096
labels = { team = "one" }
[network.red]
subnet = "10.77.0.0/24"
mtu = 1400
[network.green]
[endpoint.web]
networks = { blue = {}, red = {} }
host = "a"
[endpoint.db]
network = "blue"
host = "b"
aliases = ["store"]
[endpoint.cache]
network = "red"
host = "b"
[endpoint.solo]
network = "green"
host = "a"
)";
}

// Numbers that are no number of their kind, or only just.
std::vector<Value> hostile_numbers() {
  std::vector<Value> out;
  for (const std::int64_t number :
       {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{67}, std::int64_t{137},
        std::int64_t{1279}, std::int64_t{65'535}, std::int64_t{65'536}, std::int64_t{16'777'215},
        std::int64_t{16'777'216}, std::int64_t{UINT32_MAX}, INT64_MAX}) {
    out.emplace_back(number);
  }
  return out;
}

std::vector<Value> hostile_texts() {
  using namespace std::string_view_literals;
  std::vector<Value> out;
  for (const std::string_view text : {""sv,
                                      "/"sv,
                                      "../../etc/passwd"sv,
                                      "a/b"sv,
                                      "."sv,
                                      ".."sv,
                                      "\x1b[2J\x1b]0;x\x07"sv,
                                      "\xe2\x80\xae"
                                      "evil"sv,
                                      "\xc2\x9b"
                                      "31m"sv,
                                      "a\0b"sv,
                                      "\n"sv,
                                      "sixteen-bytes-if"sv,
                                      "eth0"sv,
                                      "lo"sv,
                                      "ovl-gw"sv,
                                      "ovl-blue"sv,
                                      "localhost"sv,
                                      "outside"sv,
                                      "BLUE"sv,
                                      "a b"sv,
                                      "$(reboot)"sv,
                                      "-n"sv,
                                      "4096"sv,
                                      "true"sv,
                                      "1e3"sv,
                                      "224.0.0.1"sv,
                                      "ff02::1"sv,
                                      "0.0.0.0"sv,
                                      "255.255.255.255"sv,
                                      "127.0.0.1"sv,
                                      "::"sv,
                                      "192.0.2.1"sv,
                                      "192.0.2.2"sv,
                                      "192.0.2.9"sv,
                                      "10.0.9.0"sv,
                                      "10.0.9.1"sv,
                                      "10.0.9.3"sv,
                                      "10.0.9.77"sv,
                                      "10.0.9.255"sv,
                                      "172.20.0.1"sv,
                                      "172.20.0.9"sv,
                                      "010.0.9.2"sv,
                                      "10.0.9.2%eth0"sv,
                                      "::ffff:10.0.9.2"sv,
                                      "10.0.9.0/33"sv,
                                      "10.0.9.1/24"sv,
                                      "0.0.0.0/0"sv,
                                      "224.0.0.0/8"sv,
                                      "127.0.0.0/8"sv,
                                      "10.0.0.0/8"sv,
                                      "192.0.2.0/24"sv,
                                      "255.255.255.254/31"sv,
                                      "255.255.255.255/32"sv,
                                      "fd00::/129"sv,
                                      "fe80::/10"sv,
                                      "00:00:00:00:00:00"sv,
                                      "ff:ff:ff:ff:ff:ff"sv,
                                      "01:00:5e:00:00:01"sv,
                                      "02:00:00:00:00:01"sv,
                                      "02:42:0a:00:09:03"sv,
                                      "02:42:0a:00:09"sv}) {
    out.emplace_back(text);
  }
  out.emplace_back(std::string(300, 'x'));
  out.emplace_back(std::string(64, 'f'));
  out.emplace_back(std::string(64, '.'));
  return out;
}

void collect(const Value& value, std::vector<Value>& out) {
  if (const Value::Object* members = value.as_object()) {
    for (const auto& [name, item] : *members) collect(item, out);
  } else if (const Value::Array* items = value.as_array()) {
    out.push_back(value);
    for (const Value& item : *items) collect(item, out);
  } else {
    out.push_back(value);
  }
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

// Members in falling order, each of which goes in front of all others.
std::string falling_members(std::size_t bytes) {
  std::string out = "{";
  for (std::size_t number = 9'999'999; out.size() < bytes; --number) {
    out += fmt::format("\"{:07}\":0,", number);
  }
  out.back() = '}';
  return out;
}

bool starts_with_one(const std::string& key, const char* folder) {
  return key.starts_with(folder);
}

}  // namespace

// ---- mutations -------------------------------------------------------------------------------------

Mutator::Mutator(std::uint64_t seed, std::map<std::string, std::string> tree)
    : random_(seed), tree_(std::move(tree)) {
  strangers_ = hostile_texts();
  for (Value& number : hostile_numbers()) strangers_.push_back(std::move(number));
  for (const Value& other : {Value(), Value(true), Value::array(), Value::object()})
    strangers_.push_back(other);
  // What others have: their names, addresses, MACs, ids and VNIs.
  for (const auto& [key, text] : tree_) {
    const auto value = Value::parse_json(text);
    if (value.ok()) collect(value.value(), strangers_);
  }
}

Mutation Mutator::of(const std::string& kind, bool big) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : tree_) {
    if (starts_with_one(key, kind.c_str())) keys.push_back(key);
  }
  if (keys.empty()) return {};
  Mutation base{.what = {}, .key = one_of(keys), .value = {}};
  base.value = tree_.at(base.key);
  if (big) return large(std::move(base));
  const std::size_t choice = below(10);
  if (choice < 2) return on_bytes(std::move(base));
  return choice < 9 ? on_structure(std::move(base)) : on_place(std::move(base), kind);
}

Mutation Mutator::on_bytes(Mutation base) {
  std::string& text = base.value;
  const std::size_t at = text.empty() ? 0 : below(text.size());
  switch (text.empty() ? 3 : below(6)) {
    case 0:
      for (std::size_t flips = 1 + below(8); flips > 0; --flips) {
        char& byte = text[below(text.size())];
        byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << below(8)));
      }
      base.what = "bits flipped";
      break;
    case 1:
      text.resize(at);
      base.what = "cut";
      break;
    case 2:
      text.erase(0, at);
      base.what = "beheaded";
      break;
    case 3:
      text.insert(
          at, one_of<std::string>({"\x1b[31m", std::string(1, '\0'), "\xe2\x80\xae", "\xff\xfe", ",", "\""}));
      base.what = "bytes put in";
      break;
    case 4:
      text += text;
      base.what = "twice";
      break;
    default:
      text = one_of<std::string>({"", " ", "null", "[]", "{}", "0", "\"x\"", nested(65), nested(100'000)});
      base.what = "something else";
  }
  return base;
}

Value Mutator::hostile_value() {
  Value value = one_of(strangers_);
  if (below(6) != 0) return value;
  Value list = Value::array();
  for (std::size_t i = below(4); i > 0; --i) list.push(one_of(strangers_));
  return list;
}

// The value with one of its parts, at any depth, replaced.
Value Mutator::replaced(const Value& value, std::string& what) {
  if (const Value::Object* members = value.as_object(); members != nullptr && !members->empty()) {
    const auto& [name, inner] = one_of(*members);
    Value out = value;
    what += "." + name;
    out.set(name, replaced(inner, what));
    return out;
  }
  const Value::Array* items = value.as_array();
  if (items == nullptr || items->empty() || below(3) == 0) return hostile_value();
  const std::size_t index = below(items->size());
  Value out = Value::array();
  for (std::size_t i = 0; i < items->size(); ++i) {
    out.push(i == index ? replaced((*items)[i], what) : (*items)[i]);
  }
  return out;
}

Mutation Mutator::on_structure(Mutation base) {
  const auto parsed = Value::parse_json(base.value);
  if (!parsed.ok() || parsed.value().as_object() == nullptr) {  // a claim is plain text
    const Value other = hostile_value();
    base.value = other.as_string() != nullptr ? *other.as_string() : other.json();
    base.what = "another text";
    return base;
  }
  const Value& value = parsed.value();
  const Value::Member member = one_of(*value.as_object());
  switch (below(12)) {
    case 0: {
      Value out = value;
      out.set(one_of<std::string>({"unknown", "\x1b[1m", "\xe2\x80\xae", "Name", ""}), hostile_value());
      base.value = out.json();
      base.what = "an unknown member";
      break;
    }
    case 1: {
      Value out = Value::object();
      for (const auto& [name, item] : *value.as_object()) {
        if (name != member.first) out.set(name, item);
      }
      base.value = out.json();
      base.what = "without " + member.first;
      break;
    }
    case 2: {
      base.value.pop_back();
      base.value += fmt::format(",{}:{}}}", Value(member.first).json(), hostile_value().json());
      base.what = "a second " + member.first;
      break;
    }
    case 3: {
      Value out = value;
      out.set(member.first, Value(member.second.json()));
      base.value = out.json();
      base.what = member.first + " as text";
      break;
    }
    default: base.value = replaced(value, base.what).json();
  }
  return base;
}

// The right value in the wrong place, or the other way round.
Mutation Mutator::on_place(Mutation base, const std::string& kind) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : tree_) keys.push_back(key);
  switch (below(3)) {
    case 0:
      base.what = "the value of " + one_of(keys);
      base.value = tree_.at(base.what.substr(13));
      break;
    case 1:
      base.key = kind + one_of<std::string>({"..", "../x", "x/y/z", "\x1b[1m", "\xe2\x80\xae", "BLUE", "",
                                             "/", std::string("a\0b", 3), std::string(300, 'k')});
      base.what = "under a key of no thing";
      break;
    default: {
      const std::string key = one_of(keys);
      const std::size_t slash = key.rfind('/');
      base.key = kind + (slash == std::string::npos ? key : key.substr(slash + 1));
      base.what = "under the key of another";
    }
  }
  return base;
}

Mutation Mutator::large(Mutation base) {
  switch (below(4)) {
    case 0: base.value = "{\"name\":\"" + std::string(std::size_t{10} << 20, 'x') + "\"}"; break;
    case 1: base.value = nested(std::size_t{1} << 20); break;
    case 2: base.value = "{\"" + std::string(std::size_t{3} << 20, 'x') + "\":1}"; break;
    default: base.value = falling_members(std::size_t{3} << 20);
  }
  base.what = "megabytes";
  return base;
}

// ---- the cluster -------------------------------------------------------------------------------------

namespace {

Manifest manifest_of(const std::string& cluster) {
  const Sources sources{{.name = "ovl.toml", .text = manifest_text(cluster)}};
  Parsed parsed = parse(sources);
  if (!parsed.diagnostics.empty()) std::abort();
  return std::move(parsed.manifest);
}

bool comes_and_goes(std::string_view below) {
  return below == "lock" || below.starts_with("presence/");
}

}  // namespace

HostileCluster::HostileCluster(Keystore& store, const std::string& name)
    : store_(store), manifest_(manifest_of(name)), layout_(manifest_.cluster.value) {
  for (const std::string host : {"a", "b"}) {
    Machine& machine = machines_[host];
    auto state = State::open({.root = directory_.path(), .cluster = Label::parse("of-" + host).value()});
    if (!state.ok()) std::abort();
    machine.state = std::make_unique<State>(std::move(state).value());
    HostFacts facts;
    facts.machine = "machine-of-" + host;
    facts.uplinks = {IfName::from_kernel("eth1")};
    facts.underlay_mtu = host == "a" ? 1500 : 1450;
    machine.kernel.set_facts(std::move(facts));
  }
}

Result<Applied> HostileCluster::run(const std::string& host, Scope scope, bool older) {
  Machine& machine = machines_.at(host);
  Request request;
  request.scope = scope;
  request.cluster = manifest_.cluster.value;
  request.host = HostName::parse(host).value();
  if (scope == Scope::all) request.manifest = &manifest_;
  request.origin.source = "dir:hostile";
  request.lock_timeout = std::chrono::seconds(10);
  request.allow_rollback = older;
  World world;
  world.kernel = &machine.kernel;
  world.keystore = &store_;
  world.state = machine.state.get();
  world.now = 1'700'000'000;
  world.holder = StoreLock::Holder{.who = "tester", .host = host, .boot = "b", .pid = 1, .since = 1};
  return apply(
      request, world, [](const Plan&) { return Status(); }, Progress());
}

Result<Applied> HostileCluster::apply_records(const std::string& host) {
  return run(host, Scope::host);
}

Result<Applied> HostileCluster::follow_older_copy(const std::string& host) {
  return run(host, Scope::host, true);
}

Result<Applied> HostileCluster::apply_manifest(const std::string& host) {
  return run(host, Scope::all);
}

Status HostileCluster::settle() {
  for (int round = 0; round < 2; ++round) {
    for (const std::string host : {"a", "b"}) {
      const auto applied = apply_manifest(host);
      if (!applied.ok()) return applied.error();
    }
  }
  return {};
}

Snapshot HostileCluster::snapshot() {
  auto snapshot = store_.read(layout_.root());
  if (!snapshot.ok()) std::abort();
  std::erase_if(snapshot.value().items, [&](const KeyValue& item) {
    return comes_and_goes(std::string_view(item.key).substr(layout_.root().size()));
  });
  return std::move(snapshot).value();
}

std::map<std::string, std::string> HostileCluster::tree() {
  std::map<std::string, std::string> out;
  for (const KeyValue& item : snapshot().items)
    out.emplace(item.key.substr(layout_.root().size()), item.value);
  return out;
}

Status HostileCluster::restore(const std::map<std::string, std::string>& wanted) {
  Transaction transaction;
  const auto have = tree();
  for (const auto& [key, value] : wanted) {
    const auto at = have.find(key);
    if (at == have.end() || at->second != value)
      transaction.writes.push_back({.key = layout_.root() + key, .value = value});
  }
  for (const auto& [key, value] : have) {
    if (!wanted.contains(key))
      transaction.writes.push_back({.key = layout_.root() + key, .value = std::nullopt});
  }
  if (transaction.writes.empty()) return {};
  return commit(store_, transaction);
}

Status HostileCluster::write(const Mutation& mutation) {
  return commit(store_,
                {.guards = {}, .writes = {{.key = layout_.root() + mutation.key, .value = mutation.value}}});
}

std::string unsafe_for_a_terminal(const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint point = first_code_point(rest);
    if (!point.valid) return "no UTF-8";
    const char32_t c = point.value;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
      return fmt::format("control character {:#x}", static_cast<unsigned>(c));
    const bool reorders = (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                          (c >= 0x2066 && c <= 0x2069) || c == 0x061c;
    if (reorders) return fmt::format("character {:#x} reorders text", static_cast<unsigned>(c));
    rest.remove_prefix(point.size);
  }
  return {};
}

}  // namespace ovl
