#include "reconcile/manifest/decode_values.hpp"

#include <algorithm>

namespace ovl {

namespace {

constexpr std::size_t kLongestLabelKey = 63;
constexpr std::size_t kLongestLabelText = 255;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Only digits and dots, or a colon: whoever wrote it meant an address.
bool looks_like_address(std::string_view text) {
  return text.find(':') != std::string_view::npos ||
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_label_key(std::string_view text) {
  return !text.empty() && text.size() <= kLongestLabelKey && std::ranges::all_of(text, [](char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '/';
  });
}

bool is_plain_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '_'; });
}

// Whether the key takes "file:" alone, as those of TLS do.
bool takes_files_only(const KeySpec& key) {
  return !key.type->pattern.starts_with("^(env:");
}

}  // namespace

std::optional<SecretRef> parse_secret(std::string_view text) {
  if (text.starts_with("env:") && is_variable_name(text.substr(4))) {
    return SecretRef{.where = SecretRef::Where::env, .name = std::string(text.substr(4))};
  }
  if (text.starts_with("file:") && text.size() > 5 && is_plain_text(text)) {
    return SecretRef{.where = SecretRef::Where::file, .name = std::string(text.substr(5))};
  }
  return std::nullopt;
}

void Reading::wrong_type(const TomlNode& node, std::string_view wanted) {
  failed = true;
  report.error("wrong-type", node.place,
               fmt::format("\"{}\" takes {}, but this is {}", key.key, wanted, words_for(node.kind)),
               fmt::format("write it like {} = {}", key.key, key.example));
}

void Reading::invalid(const TomlNode& node, const Error& error) {
  failed = true;
  report.error("invalid-value", node.place, error.message, error.hint);
}

bool is_reserved_name(std::string_view name) {
  return name.starts_with(kSandboxPrefix) || name == "outside" || name == "localhost";
}

const std::string* string_of(Reading& in, const TomlNode& node) {
  if (node.kind == TomlNode::Kind::string) return &node.text;
  in.wrong_type(node, in.key.type->text);
  return nullptr;
}

void read_value(Reading& in, const TomlNode& node, bool& out) {
  if (node.kind != TomlNode::Kind::boolean) return in.wrong_type(node, in.key.type->text);
  out = node.boolean;
}

void read_value(Reading& in, const TomlNode& node, std::string& out) {
  const std::string* text = string_of(in, node);
  if (text != nullptr) out = *text;
}

void read_value(Reading& in, const TomlNode& node, Labels& out) {
  if (node.kind != TomlNode::Kind::table) return in.wrong_type(node, in.key.type->text);
  for (const TomlMember& member : node.members) {
    if (member.value.kind != TomlNode::Kind::string) {
      in.failed = true;
      in.report.error("wrong-type", member.value.place,
                      fmt::format("the label \"{}\" takes a string, but this is {}", shortened(member.key),
                                  words_for(member.value.kind)),
                      "put the value in quotes");
    } else if (!is_label_key(member.key)) {
      in.failed = true;
      in.report.error("invalid-value", member.place,
                      fmt::format("\"{}\" is no name of a label", shortened(member.key)),
                      "use 1 to 63 letters, digits, '.', '_', '-' or '/'");
    } else if (member.value.text.size() > kLongestLabelText || !is_plain_text(member.value.text)) {
      in.failed = true;
      in.report.error("invalid-value", member.value.place,
                      fmt::format("the label \"{}\" is too long or has control characters", member.key),
                      "use at most 255 bytes on one line");
    } else {
      out.emplace(member.key, member.value.text);
    }
  }
}

void read_value(Reading& in, const TomlNode& node, IpPrefix& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto value = IpPrefix::parse_exact(*text);
  if (!value.ok()) return in.invalid(node, value.error());
  out = value.value();
}

void read_value(Reading& in, const TomlNode& node, NetnsName& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto value = NetnsName::parse(*text);
  if (!value.ok()) return in.invalid(node, value.error());
  out = std::move(value).value();
  if (!out.text().starts_with(kSandboxPrefix)) return;
  in.failed = true;
  in.report.error("reserved-name", node.place, fmt::format("\"{}\" is a reserved name", out.text()),
                  "choose another name: \"ovl-\" begins those of ovl's own namespaces");
}

// The text itself is never part of a message: it may be the secret.
void read_value(Reading& in, const TomlNode& node, SecretRef& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto secret = parse_secret(*text);
  const bool files_only = takes_files_only(in.key);
  if (secret && (!files_only || secret->where == SecretRef::Where::file)) {
    out = std::move(*secret);
    return;
  }
  in.failed = true;
  if (files_only) {
    in.report.error("invalid-value", node.place, fmt::format("\"{}\" names no file", in.key.key),
                    fmt::format("write it like {} = {}", in.key.key, in.key.example));
  } else {
    in.report.error("literal-secret", node.place,
                    fmt::format("\"{}\" is no reference to a secret", in.key.key),
                    "name where the secret is: \"env:NAME\" or \"file:PATH\"");
  }
}

namespace {

// One of the names of an enumeration.
template <class Choice>
void read_choice(Reading& in, const TomlNode& node, Choice& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto mode = decode<Choice>(Value(*text));
  if (mode.ok()) {
    out = mode.value();
    return;
  }
  in.failed = true;
  in.report.error("invalid-value", node.place,
                  fmt::format("\"{}\" takes {}, not \"{}\"", in.key.key, in.key.type->text, shortened(*text)),
                  fmt::format("write it like {} = {}", in.key.key, in.key.example));
}

}  // namespace

void read_value(Reading& in, const TomlNode& node, AdoptMode& out) {
  read_choice(in, node, out);
}

void read_value(Reading& in, const TomlNode& node, LinkLocal& out) {
  read_choice(in, node, out);
}

void read_value(Reading& in, const TomlNode& node, FrameTypes& out) {
  read_choice(in, node, out);
}

void read_value(Reading& in, const TomlNode& node, SourceCheck& out) {
  read_choice(in, node, out);
}

void read_value(Reading& in, const TomlNode& node, TtlCheck& out) {
  read_choice(in, node, out);
}

namespace {

// "192.0.2.1" of "192.0.2.1/24"; empty: it is no address with a length.
std::string without_length(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return {};
  const auto address = IpAddress::parse(text.substr(0, slash));
  return address.ok() ? text.substr(0, slash) : std::string();
}

}  // namespace

void read_value(Reading& in, const TomlNode& node, std::variant<IpAddress, IfName>& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto address = IpAddress::parse(*text);
  if (address.ok()) {
    out = address.value();
    return;
  }
  if (const std::string bare = without_length(*text); !bare.empty()) {
    return in.invalid(node, {.code = Errc::manifest,
                             .message = fmt::format("\"{}\" is a subnet, not an address", shortened(*text)),
                             .hint = fmt::format("leave its length out: \"{}\"", bare)});
  }
  if (looks_like_address(*text)) return in.invalid(node, address.error());
  auto interface = IfName::parse(*text);
  if (!interface.ok()) {
    return in.invalid(
        node, {.code = Errc::manifest,
               .message =
                   fmt::format("\"{}\" is neither an address nor the name of an interface", shortened(*text)),
               .hint = "for an interface: " + interface.error().hint});
  }
  out = interface.value();
}

}  // namespace ovl
