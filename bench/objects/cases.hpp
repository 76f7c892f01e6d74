// The clusters that are measured, as one host among them sees its records.
#pragma once

#include "model/records/records.hpp"

namespace ovl::bench {

inline constexpr const char* kHere = "here";
inline constexpr const char* kVtep = "192.168.99.1";

// Endpoints on the host `here`, and on ten others, in equal parts on each network. Each network has at least
// one endpoint here, else nothing of it is; `outside` gives those a way out.
struct Case {
  std::size_t networks = 1;
  std::size_t remote = 0;
  std::size_t local = 1;
  bool outside = false;
};

Records records_of(const Case& wanted);

}  // namespace ovl::bench
