// How the commands of groups are called: `ovl keystore copy`, `ovl state mv`.
#pragma once

#include <span>
#include <string_view>

namespace ovl {

// Of a command as it is called behind "ovl": "keystore copy". Empty: there is none of that name.
std::span<const std::string_view> command_examples(std::string_view command);

}  // namespace ovl
