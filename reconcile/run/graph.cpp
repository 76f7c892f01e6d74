#include "reconcile/run/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace ovl {

namespace {

// Names are labels and addresses, notes our own words: nothing in them needs escaping in either language. A
// node's id is made of its kind and its place in the records.
class Graph {
 public:
  Graph(const Label& cluster, const Records& records, const HostNotes& notes)
      : cluster_(cluster), records_(records), notes_(notes) {
    for (const EndpointRecord& endpoint : records.endpoints) {
      on_host_[endpoint.host].insert(endpoint.name);
      ids_.try_emplace(endpoint.name, fmt::format("e{}", ids_.size()));
    }
  }

  std::string dot() const {
    std::string out = fmt::format("graph \"{}\" {{\n  rankdir=LR;\n", cluster_.text());
    for (const char* part : {"graph", "node", "edge"})
      out += fmt::format("  {} [fontname=\"sans-serif\"];\n", part);
    for (std::size_t i = 0; i < records_.hosts.size(); ++i) {
      const HostRecord& host = records_.hosts[i];
      out += fmt::format("  subgraph cluster_h{} {{\n    label=\"{}\";\n", i, host_label(host, "\\n"));
      if (endpoints_of(host).empty()) out += fmt::format("    h{} [style=invis, label=\"\"];\n", i);
      for (const Label& name : endpoints_of(host)) {
        out += fmt::format("    {} [shape=box, label=\"{}\"];\n", ids_.at(name), name.text());
      }
      out += "  }\n";
    }
    for (std::size_t i = 0; i < records_.networks.size(); ++i) {
      out += fmt::format("  n{} [shape=ellipse, label=\"{}\"{}];\n", i,
                         network_label(records_.networks[i], "\\n"),
                         records_.networks[i].internal ? ", style=dashed" : "");
    }
    for (const EndpointRecord& endpoint : records_.endpoints) {
      out += fmt::format("  {} -- n{} [label=\"{}\"];\n", ids_.at(endpoint.name),
                         network_index(endpoint.network), addresses(endpoint, "\\n"));
    }
    return out + "}\n";
  }

  std::string mermaid() const {
    std::string out = "flowchart LR\n";
    for (std::size_t i = 0; i < records_.hosts.size(); ++i) {
      const HostRecord& host = records_.hosts[i];
      out += fmt::format("  subgraph h{}[\"{}\"]\n", i, host_label(host, "<br>"));
      for (const Label& name : endpoints_of(host))
        out += fmt::format("    {}[\"{}\"]\n", ids_.at(name), name.text());
      out += "  end\n";
    }
    for (std::size_t i = 0; i < records_.networks.size(); ++i) {
      out += fmt::format("  n{}([\"{}\"])\n", i, network_label(records_.networks[i], "<br>"));
    }
    for (const EndpointRecord& endpoint : records_.endpoints) {
      out += fmt::format("  {} ---|\"{}\"| n{}\n", ids_.at(endpoint.name), addresses(endpoint, "<br>"),
                         network_index(endpoint.network));
    }
    return out;
  }

 private:
  [[nodiscard]] const std::set<Label>& endpoints_of(const HostRecord& host) const {
    static const std::set<Label> none;
    const auto at = on_host_.find(host.name);
    return at != on_host_.end() ? at->second : none;
  }

  [[nodiscard]] std::size_t network_index(const Label& name) const {
    const auto at = std::ranges::lower_bound(records_.networks, name, {}, &NetworkRecord::name);
    return static_cast<std::size_t>(at - records_.networks.begin());
  }

  [[nodiscard]] std::string host_label(const HostRecord& host, std::string_view line) const {
    const auto note = notes_.find(host.name);
    return fmt::format("{}{}{}{}{}", host.name.text(), line,
                       host.advertise ? host.advertise->text() : "waiting",
                       note != notes_.end() ? line : std::string_view(),
                       note != notes_.end() ? std::string_view(note->second) : std::string_view());
  }

  static std::string network_label(const NetworkRecord& network, std::string_view line) {
    std::string out = fmt::format("{}{}vni {}", network.name.text(), line, network.vni.number());
    for (const IpPrefix& subnet : network.subnets) out += std::string(line) + subnet.text();
    if (network.internal) out += std::string(line) + "internal";
    return out;
  }

  static std::string addresses(const EndpointRecord& endpoint, std::string_view line) {
    std::string out;
    for (const IpAddress& address : endpoint.addresses)
      out += (out.empty() ? "" : std::string(line)) + address.text();
    return out;
  }

  const Label& cluster_;
  const Records& records_;
  const HostNotes& notes_;
  std::map<HostName, std::set<Label>> on_host_;
  std::map<Label, std::string> ids_;
};

}  // namespace

std::string graph_text(const Label& cluster, const Records& records, GraphFormat format,
                       const HostNotes& notes) {
  const Graph graph(cluster, records, notes);
  return format == GraphFormat::dot ? graph.dot() : graph.mermaid();
}

}  // namespace ovl
