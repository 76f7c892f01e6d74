// A cluster's records as a drawing: hosts with their endpoints, and the networks that join them.
#pragma once

#include <map>
#include <string>

#include "model/records/records.hpp"

namespace ovl {

enum class GraphFormat : std::uint8_t { dot, mermaid };

template <>
struct EnumNames<GraphFormat> {
  static constexpr std::array<std::string_view, 2> names{"dot", "mermaid"};
};

// What is said of a host below its name: plain words, without quotes or markup.
using HostNotes = std::map<HostName, std::string>;

// Text for graphviz's dot(1), or a Mermaid flowchart. The same input gives the same bytes.
std::string graph_text(const Label& cluster, const Records& records, GraphFormat format,
                       const HostNotes& notes = {});

}  // namespace ovl
