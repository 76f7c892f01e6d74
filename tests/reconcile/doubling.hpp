// Manifests with long lists, and every stage that one goes through, each with the processor's time it took.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/manifest_archive.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/records/diff_records.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/records/switch_over.hpp"
#include "reconcile/run/graph.hpp"
#include "reconcile/store/store_view.hpp"
#include "reconcile/toml/format_toml.hpp"
#include "tests/support/processor_time.hpp"

namespace ovl::test {

struct Case {
  const char* name;
  std::size_t count;
  bool valid;
  std::string (*text)(std::size_t count);
};

inline const std::string kStart = "[cluster]\nname = \"demo\"\n";
inline const std::string kHost = kStart + "[host.a]\nadvertise = \"192.0.2.1\"\n";

template <class F>
std::string listed(std::size_t count, const F& item, std::string_view between = ", ") {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += between;
    out += item(i);
  }
  return out;
}

template <class F>
std::string repeated(std::size_t count, const F& item) {
  return listed(count, item, "");
}

inline std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

inline std::string address_number(std::size_t i) {
  return fmt::format("10.{}.{}.{}", i >> 16, (i >> 8) % 256, i % 256);
}

inline std::string subnet_number(std::size_t i) {
  return fmt::format("10.{}.{}.{}/30", i >> 14, (i >> 6) % 256, i % 64 * 4);
}

inline std::string network_of(std::size_t subnets) {
  return "[network.n]\nsubnets = [" +
         listed(subnets, [](std::size_t i) { return quoted(subnet_number(i)); }) + "]\n";
}

inline std::string endpoint(std::size_t number, const std::string& keys) {
  return fmt::format("[endpoint.e{}]\nhost = \"a\"\n{}\n", number, keys);
}

inline std::string array_of(std::string_view key, std::size_t count, std::string (*item)(std::size_t)) {
  return fmt::format("{} = [{}]\n", key, listed(count, [&](std::size_t i) { return quoted(item(i)); }));
}

// Many internal networks in which one host has few endpoints.
inline std::string network_number(std::size_t i) {
  return fmt::format("[network.n{}]\ninternal = true\n", i);
}

inline std::string host_number(std::size_t i) {
  return fmt::format("[host.h{}]\nadvertise = \"192.{}.{}.{}\"\n", i, i >> 16, (i >> 8) % 256, i % 256);
}

inline const std::string kInternal = "[network.n]\nsubnet = \"10.0.0.0/8\"\ninternal = true\n";

// ---- what is done with them ----------------------------------------------------------------------

inline Records current_of(const Records& records, Stopwatch& watch) {
  Snapshot snapshot;
  const StoreLayout layout(Label::parse("demo").value());
  watch.time("encode", [&] {
    for (const HostRecord& host : records.hosts)
      snapshot.items.push_back({.key = layout.host(host.name), .value = encode(host).json()});
    for (const NetworkRecord& network : records.networks)
      snapshot.items.push_back({.key = layout.network(network.name), .value = encode(network).json()});
    for (const EndpointRecord& endpoint : records.endpoints)
      snapshot.items.push_back(
          {.key = layout.endpoint(endpoint.network, endpoint.name), .value = encode(endpoint).json()});
    return 0;
  });
  std::ranges::sort(snapshot.items, {}, &KeyValue::key);
  StoreView view = watch.time("view", [&] { return view_of(snapshot, layout); });
  EXPECT_TRUE(view.refused.empty()) << view.refused.front().subject << ": " << view.refused.front().message;
  return std::move(view.records);
}

inline void use(const Manifest& manifest, Stopwatch& watch) {
  Facts facts;
  const Resolved first = watch.time("resolve", [&] { return resolve(manifest, {}, facts); });
  ASSERT_TRUE(first.problems.empty()) << first.problems.front().message;
  const Records current = current_of(first.records, watch);
  const Resolved again = watch.time("resolve again", [&] { return resolve(manifest, current, facts); });
  EXPECT_TRUE(watch.time("diff", [&] { return diff_records(again.records, current); }).empty());
  watch.time("diff from nothing", [&] { return diff_records(again.records, {}); });
  watch.time("switches", [&] {
    Records next = again.records;
    std::vector<std::string> waiting;
    stage_switches({.current = current,
                    .next_serial = 2,
                    .has_realised = [](const HostName&, std::int64_t) { return true; }},
                   next, waiting);
    return waiting;
  });
  watch.time("claims", [&] { return claims_of(current); });
  watch.time("graph", [&] { return graph_text(manifest.cluster.value, current, GraphFormat::dot); });
  const HostName host = HostName::parse("a").value();
  Projected projected = watch.time("project", [&] {
    return project({.cluster = manifest.cluster.value, .host = host, .records = current, .facts = facts});
  });
  Plan plan;
  plan.cluster = manifest.cluster.value;
  plan.desired = std::move(projected.objects);
  watch.time("diff of objects", [&] {
    diff_objects(plan, {}, {}, {});
    return 0;
  });
  watch.time("operations", [&] { return operations_of(plan); });
}

inline void run(const Case& one, std::size_t count, Stopwatch& watch) {
  const Sources sources{{.name = "ovl.toml", .text = one.text(count)}};
  const Parsed parsed = watch.time("parse", [&] { return parse(sources); });
  ASSERT_EQ(parsed.diagnostics.empty(), one.valid)
      << count << (one.valid ? render(parsed.diagnostics.front(), sources, false) : "");
  watch.time("say", [&] {
    DiagnosticText text(sources, false);
    std::size_t size = 0;
    for (const Diagnostic& diagnostic : parsed.diagnostics) size += text.of(diagnostic).size();
    return size;
  });
  watch.time("say as JSON", [&] {
    std::size_t size = 0;
    for (const Diagnostic& diagnostic : parsed.diagnostics) {
      size += diagnostic_value(diagnostic, sources).json().size();
    }
    return size;
  });
  if (!one.valid) return;
  watch.time("format", [&] { return format_toml(sources.front().text); });
  const std::string packed = watch.time("pack", [&] { return pack(parsed.manifest); });
  EXPECT_TRUE(watch.time("unpack", [&] { return unpack(packed); }).ok());
  use(parsed.manifest, watch);
}

}  // namespace ovl::test
