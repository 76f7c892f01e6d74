// A cluster's records as an apply writes them: hosts, networks of 1,000 endpoints, endpoints.
#pragma once

#include "model/records/records.hpp"

namespace ovl::bench {

Records make_records(std::size_t endpoints);

}  // namespace ovl::bench
