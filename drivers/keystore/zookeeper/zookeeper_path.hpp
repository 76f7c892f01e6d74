// Keys as paths of znodes, and back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ovl::zk {

// The child that holds the value of a key whose own node is an inner node already. No part of a key
// is ever spelled like this: '%' is followed by two hexadecimal digits there.
inline constexpr std::string_view kSelf = "%self";
// The child below which the driver keeps its counter, its log and its leases.
inline constexpr std::string_view kOwn = "%ovl";

// One part of a key, between slashes, as the name of a node. Plain, but for what ZooKeeper refuses or
// changes (control characters, bytes that are no ASCII, ".", "..", nothing at all, and "zookeeper" at
// the top, which is the server's own); that is percent-encoded. `top`: the first part of a key.
std::string name_of(std::string_view part, bool top);

// The way back; nothing for a name that name_of() never gives.
std::optional<std::string> part_of(std::string_view name, bool top);

// The path of a key's node below root, which is "" or "/team/a".
std::string path_of(std::string_view root, std::string_view key);

// Any string as one name: what stands for a key in a list.
std::string flat_name_of(std::string_view key);
std::optional<std::string> key_of_flat_name(std::string_view name);

// "/a/b" of "/a/b/c"; "" of "/a".
std::string_view parent_of(std::string_view path);

}  // namespace ovl::zk
