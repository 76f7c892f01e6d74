// Hosts in a sentence.
#pragma once

#include <set>
#include <string>

#include "model/base/values.hpp"

namespace ovl {

// "host b", "hosts b, c and 7 more": the first `most` by name.
std::string words_of(const std::set<HostName>& hosts, std::size_t most);

}  // namespace ovl
