// An apply that left a part as it was is neither a failure, as the rest is made and verified, nor a success,
// as somebody has to do something. It ends with the conflict's own exit code and one line that says both.
#include "cmd/session/left.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "cmd/session/keeping.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

Error error_of_left(const std::vector<Finding>& left) {
  std::set<std::string> parts;
  // Each part once, however many objects of it are in the way.
  for (const Finding& finding : left) parts.insert(finding.part);
  // One of them in full and the others by name: the rest stands in the plan and in `ovl status`.
  const Finding& first = left.front();
  // A failure's subject is its part.
  const std::string why =
      first.subject == first.part ? first.message : fmt::format("{}: {}", first.subject, first.message);
  return Error{
      // The exit code of the first: one that was made up for "some of each" would tell a script nothing.
      .code = first.code,
      .message = fmt::format("applied, but {} {} left as {}: {}", fmt::join(parts, ", "),
                             parts.size() == 1 ? "is" : "are", parts.size() == 1 ? "it is" : "they are", why),
      .hint = first.hint};
}

std::optional<Error> error_of_refused(const Plan& plan, const StoreView& view) {
  // With all hosts in scope the manifest has written the refused records anew; with one alone they stand.
  if (plan.scope != Scope::host || (view.frozen.empty() && view.frozen_hosts.empty())) return std::nullopt;
  // A generation's record that can't be read is refused too, and keeps nothing from being applied.
  const auto first = std::ranges::find_if(view.refused, freezes);
  if (first == view.refused.end()) return std::nullopt;
  return Error{
      .code = first->code,
      .message = fmt::format(
          "applied, but what this host had before stands for {}: {}: {}",
          counted(static_cast<std::uint64_t>(std::ranges::count_if(view.refused, freezes)), "refused record"),
          first->subject, first->message),
      .hint = first->hint};
}

void LeftTeller::tell(const std::vector<Finding>& left) {
  const std::string text = left.empty() ? std::string() : error_of_left(left).message;
  if (text != told_ && !text.empty()) say_line(text, Priority::error);
  told_ = text;
}

}  // namespace ovl
