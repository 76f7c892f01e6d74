#include "model/kinds/host_lines.hpp"

#include <algorithm>
#include <utility>

#include "model/kinds/hosts_file.hpp"

namespace ovl {

namespace {

// Where one stands in the text of all parts.
class Cursor {
 public:
  explicit Cursor(const HostLines& lines) : at_(lines.parts().begin()), end_(lines.parts().end()) {}

  [[nodiscard]] bool is_over() const { return at_ == end_; }

  // The part that begins here; nullptr in the middle of one.
  [[nodiscard]] const HostLines::Part* whole() const { return passed_ == 0 ? at_->get() : nullptr; }

  [[nodiscard]] std::string_view rest() const { return std::string_view((*at_)->text).substr(passed_); }

  void pass(std::size_t bytes) {
    passed_ += bytes;
    if (passed_ < (*at_)->text.size()) return;
    passed_ = 0;
    ++at_;
  }

 private:
  std::vector<std::shared_ptr<const HostLines::Part>>::const_iterator at_, end_;
  std::size_t passed_ = 0;
};

}  // namespace

void HostLines::Part::add(std::string_view line) {
  text += line;
  text += '\n';
  ++lines;
}

HostLines::HostLines(std::initializer_list<std::string_view> lines) {
  Part part;
  for (const std::string_view line : lines) part.add(line);
  *this = HostLines(std::move(part));
}

HostLines::HostLines(Part part) {
  add(std::make_shared<const Part>(std::move(part)));
}

void HostLines::add(std::shared_ptr<const Part> part) {
  if (part->text.empty()) return;
  lines_ += part->lines;
  bytes_ += part->text.size();
  parts_.push_back(std::move(part));
}

void HostLines::add_line(std::string_view line) {
  Part part;
  part.add(line);
  add(std::make_shared<const Part>(std::move(part)));
}

bool HostLines::operator==(const HostLines& other) const {
  if (lines_ != other.lines_ || bytes_ != other.bytes_) return false;
  Cursor a(*this);
  Cursor b(other);
  while (!a.is_over() && !b.is_over()) {
    const std::size_t both = std::min(a.rest().size(), b.rest().size());
    const bool one = a.whole() != nullptr && a.whole() == b.whole();
    if (!one && a.rest().substr(0, both) != b.rest().substr(0, both)) return false;
    a.pass(both);
    b.pass(both);
  }
  return true;
}

// What somebody else has put between the markers may be nothing but line ends: more lines than a block can
// have stay one.
Value encode(const HostLines& lines) {
  Value out = Value::array();
  std::size_t count = 0;
  std::string rest;
  lines.for_each([&](std::string_view line) {
    if (++count <= kMaxHostsFileLines) return out.push(Value(line));
    rest += line;
    rest += '\n';
  });
  if (!rest.empty()) out.push(Value(std::move(rest)));
  return out;
}

Result<HostLines> Decoder<HostLines>::from(const Value& value) {
  OVL_TRY(const auto lines, decode<std::vector<std::string>>(value));
  HostLines::Part part;
  for (const std::string& line : lines) part.add(line);
  return HostLines(std::move(part));
}

}  // namespace ovl
