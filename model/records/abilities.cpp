#include "model/records/abilities.hpp"

namespace ovl {

std::string version_saying(std::string_view version, std::initializer_list<Ability> abilities) {
  std::string out(version.substr(0, version.find('+')));
  char before = '+';
  for (const Ability ability : abilities) {
    out += before;
    out += name_of(ability);
    before = '.';
  }
  return out;
}

bool says(std::string_view version, Ability ability) {
  std::size_t begin = version.find('+');
  while (begin != std::string_view::npos) {
    ++begin;
    const std::size_t end = version.find('.', begin);
    if (version.substr(begin, end == std::string_view::npos ? end : end - begin) == name_of(ability)) {
      return true;
    }
    begin = end;
  }
  return false;
}

}  // namespace ovl
