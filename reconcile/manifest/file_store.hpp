// A keystore that is a file is one machine's: hosts on others would each begin a cluster of their own.
#pragma once

#include <optional>
#include <string>

#include "model/plan/plan.hpp"
#include "model/records/records.hpp"

namespace ovl {

// A warning that names the hosts with endpoints that have said nothing in the file yet, host `here` left out.
// None: the store is no file, all have, or the file is mounted where it is, by somebody who shares it.
std::optional<Finding> file_for_others(const std::string& url, const HostName& here, const Records& desired,
                                       const Facts& facts);

}  // namespace ovl
