#include "cmd/session/looked_at.hpp"

#include <fmt/format.h>

#include "cmd/base/style.hpp"

namespace ovl {

namespace {

std::string how_many(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// A namespace counts as one more: it is made and removed like what is in it.
std::size_t objects_in(const HostObjects& objects) {
  std::size_t all = 0;
  for (const NamespaceObjects& space : objects.namespaces) {
    all += space.netns ? 1 : 0;
    for_each_kind([&](auto member) { all += (space.*member).size(); });
  }
  return all;
}

std::string manifest_line(const Sources& sources) {
  if (sources.empty()) return {};
  return fmt::format("ovl: manifest: {}, first {}\n", how_many(sources.size(), "file"),
                     printable(sources.front().name));
}

// The URL has no secrets in it: parse_keystore_url() refuses one that has.
std::string keystore_line(const Context& context, const StoreView& view) {
  const Records& records = view.records;
  const std::string generation =
      view.head ? fmt::format("generation {}", view.head->serial) : "no cluster yet";
  return fmt::format("ovl: keystore {}: {}, {}, {}, {}\n", printable(context.access().url), generation,
                     how_many(records.hosts.size(), "host"), how_many(records.networks.size(), "network"),
                     how_many(records.endpoints.size(), "endpoint"));
}

std::string host_line(const Plan& plan) {
  // Said, as an empty look reads like one that found nothing.
  if (plan.scope == Scope::cluster) return "ovl: no host was looked at\n";
  return fmt::format("ovl: host {}: {} wanted in {}, {} found\n", plan.host.text(),
                     how_many(objects_in(plan.desired), "object"),
                     how_many(plan.desired.namespaces.size(), "namespace"), objects_in(plan.observed));
}

}  // namespace

std::string looked_at_text(const Context& context, const Planned& planned) {
  // For the one question behind most "why does it not see my change": from which file, which store, which
  // host.
  return manifest_line(context.sources()) + keystore_line(context, planned.cluster.view) +
         host_line(planned.plan);
}

}  // namespace ovl
