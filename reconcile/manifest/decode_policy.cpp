#include "reconcile/manifest/decode_policy.hpp"

#include <algorithm>
#include <array>

#include "reconcile/manifest/decode_block.hpp"

namespace ovl {

namespace {

struct PolicyDraft : Policy {
  PolicyHome home = PolicyHome::manifest;
};

// ---- lists ----------------------------------------------------------------------------------------

template <auto Member>
void list(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  using Element = typename std::remove_reference_t<decltype(draft.*Member)>::value_type;
  std::vector<Located<Element>> found;
  read_value(in, member.value, found);
  for (Located<Element>& element : found) (draft.*Member).push_back(std::move(element.value));
}

// A list of what is allowed: an empty one looks like nothing and would mean everything.
template <auto Member>
void allowed(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  list<Member>(in, member, draft);
  if (in.failed || !(draft.*Member).empty()) return;
  in.invalid(member.value,
             Error{.message = fmt::format("\"{}\" is empty, and would allow nothing", member.key),
                   .hint = "leave it out to allow everything"});
}

// ---- numbers --------------------------------------------------------------------------------------

void read_limit(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  const TomlNode& node = member.value;
  const bool number = node.kind == TomlNode::Kind::integer;
  if (!number && node.kind != TomlNode::Kind::string) return in.wrong_type(node, in.key.type->text);
  auto limit = DestroyLimit::parse(number ? std::to_string(node.integer) : node.text);
  if (!limit.ok()) return in.invalid(node, limit.error());
  draft.max_destroy = limit.value();
}

constexpr std::array<KeyReader<VniRange>, 2> kVniReaders{
    {{"min", field<&VniRange::min>}, {"max", field<&VniRange::max>}}};

void read_vni(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  if (member.value.kind != TomlNode::Kind::table) return in.wrong_type(member.value, in.key.type->text);
  VniRange range;
  const std::span<const KeyReader<VniRange>> readers = kVniReaders;
  if (!read_block(in.report, manifest_block("vni-range"), "vni", readers, member.value, member.place,
                  range)) {
    in.failed = true;
  } else if (range.min.number() > range.max.number()) {
    in.invalid(member.value,
               Error{.message = "no VNI is in this range", .hint = "let min be no larger than max"});
  }
  draft.vni = range;
}

// ---- windows --------------------------------------------------------------------------------------

void read_days(Reading& in, const TomlMember& member, PolicyWindow& window) {
  std::vector<Located<WeekdayName>> found;
  read_value(in, member.value, found);
  if (found.empty() && !in.failed) {
    in.invalid(member.value, Error{.message = "no day is named", .hint = "leave days out for all of them"});
  }
  window.days = {};
  for (const auto& name : found) window.days[static_cast<std::size_t>(name.value.day)] = true;
}

constexpr std::array<KeyReader<PolicyWindow>, 3> kWindowReaders{
    {{"days", read_days}, {"from", field<&PolicyWindow::from>}, {"to", field<&PolicyWindow::to>}}};

void read_window(Reading& in, const TomlNode& node, PolicyDraft& draft) {
  if (node.kind != TomlNode::Kind::table) return in.wrong_type(node, in.key.type->text);
  PolicyWindow window;
  const std::span<const KeyReader<PolicyWindow>> readers = kWindowReaders;
  if (!read_block(in.report, manifest_block("window"), "a window", readers, node, node.place, window)) {
    in.failed = true;
  } else if (window.from == window.to) {
    in.invalid(node, Error{.message = "this window ends when it begins",
                           .hint = "a whole day is from = \"00:00\", to = \"24:00\""});
  }
  draft.windows.push_back(window);
}

void read_windows(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  if (member.value.kind != TomlNode::Kind::array) return in.wrong_type(member.value, in.key.type->text);
  for (const TomlNode& node : member.value.items) read_window(in, node, draft);
  if (!member.value.items.empty()) return;
  in.invalid(member.value, Error{.message = "\"windows\" is empty, and would never be open",
                                 .hint = "leave it out to allow changes at any time"});
}

// ---- what the host alone decides ------------------------------------------------------------------

template <auto Member>
void host_path(Reading& in, const TomlMember& member, PolicyDraft& draft) {
  if (draft.home == PolicyHome::manifest) {
    in.failed = true;
    in.report.error("host-only-key", member.place, fmt::format("\"{}\" belongs to the host", member.key),
                    "set it in the host's own policy, /etc/ovl/policy.toml: who may sign is not for what is "
                    "signed to say");
    return;
  }
  read_value(in, member.value, draft.*Member);
  if (in.failed || (draft.*Member).starts_with('/')) return;
  in.invalid(member.value, Error{.message = "this is no absolute path", .hint = "begin it with /"});
}

constexpr std::array<KeyReader<PolicyDraft>, 10> kPolicyReaders{
    {{"max_destroy", read_limit},
     {"protect", list<&Policy::protect>},
     {"subnets", allowed<&Policy::subnets>},
     {"hosts", allowed<&Policy::hosts>},
     {"vni", read_vni},
     {"forbid", list<&Policy::forbid>},
     {"windows", read_windows},
     {"require_signed", field<&PolicyDraft::require_signed>},
     {"signers", host_path<&Policy::signers>},
     {"keyring", host_path<&Policy::keyring>}}};

}  // namespace

bool decode_policy(Reporter& report, PolicyHome home, const TomlMember& block, Policy& out) {
  PolicyDraft draft;
  draft.home = home;
  draft.origin = "the manifest's [policy]";
  const std::span<const KeyReader<PolicyDraft>> readers = kPolicyReaders;
  const bool good =
      read_block(report, manifest_block("policy"), "[policy]", readers, block.value, block.place, draft);
  out = std::move(static_cast<Policy&>(draft));
  return good;
}

}  // namespace ovl
