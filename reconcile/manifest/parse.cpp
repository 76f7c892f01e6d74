#include "reconcile/manifest/parse.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "reconcile/manifest/check_manifest.hpp"
#include "reconcile/manifest/decode_manifest.hpp"
#include "reconcile/manifest/decode_policy.hpp"
#include "reconcile/manifest/sibling_files.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/toml/reporter.hpp"
#include "reconcile/toml/toml_guard.hpp"
#include "reconcile/toml/toml_node.hpp"
#include "reconcile/toml/toml_outline.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

// ---- places ------------------------------------------------------------------------------------

// The library counts columns in code points; ours are bytes.
class Places {
 public:
  Places(std::string_view text, std::uint32_t file) : file_(file) {
    while (true) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines_.push_back(line);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    columns_.resize(lines_.size());
  }

  Place of(const toml::source_region& region) {
    Place place{.file = file_, .line = std::max<std::uint32_t>(region.begin.line, 1)};
    place.column = byte_column(place.line, region.begin.column);
    const bool one_line = region.end.line == region.begin.line;
    const std::uint32_t end = one_line ? byte_column(place.line, region.end.column) : end_of(place.line);
    place.length = end > place.column ? end - place.column : 1;
    return place;
  }

  // The whole word around or right before a place.
  [[nodiscard]] Place word_at(Place place) const {
    const std::string_view line = line_at(place.line);
    const auto in_word = [&](std::size_t at) {
      return std::string_view(" \t,=[]{}#\"'").find(line[at]) == std::string_view::npos;
    };
    std::size_t begin = std::min<std::size_t>(place.column - 1, line.size());
    std::size_t end = begin;
    while (begin > 0 && in_word(begin - 1)) --begin;
    while (end < line.size() && in_word(end)) ++end;
    place.column = static_cast<std::uint32_t>(begin) + 1;
    place.length = static_cast<std::uint32_t>(std::max<std::size_t>(end - begin, 1));
    return place;
  }

 private:
  [[nodiscard]] std::string_view line_at(std::uint32_t line) const {
    return line <= lines_.size() ? lines_[line - 1] : std::string_view();
  }

  [[nodiscard]] std::uint32_t end_of(std::uint32_t line) const {
    return static_cast<std::uint32_t>(line_at(line).size()) + 1;
  }

  // The columns of a line are counted once, whatever the order in which they are asked for.
  std::uint32_t byte_column(std::uint32_t line, std::uint32_t column) {
    if (line > lines_.size()) return end_of(line);
    std::vector<std::uint32_t>& columns = columns_[line - 1];
    const std::string_view text = line_at(line);
    if (columns.empty()) {
      for (std::size_t at = 0; at < text.size(); at += first_code_point(text.substr(at)).size) {
        columns.push_back(static_cast<std::uint32_t>(at) + 1);
      }
    }
    return column >= 1 && column <= columns.size() ? columns[column - 1] : end_of(line);
  }

  std::uint32_t file_;
  std::vector<std::string_view> lines_;
  std::vector<std::vector<std::uint32_t>> columns_;  // of each line, once it was asked for
};

// ---- the library's tree as ours -----------------------------------------------------------------

TomlNode convert(const toml::node& node, Places& places);

void convert_members(const toml::table& table, Places& places, TomlNode& out) {
  for (const auto& [key, value] : table) {
    out.members.push_back(TomlMember{
        .key = std::string(key.str()), .place = places.of(key.source()), .value = convert(value, places)});
  }
  std::ranges::stable_sort(out.members, {}, &TomlMember::place);
}

TomlNode convert(const toml::node& node, Places& places) {
  TomlNode out;
  out.place = places.of(node.source());
  switch (node.type()) {
    case toml::node_type::table:
      out.kind = TomlNode::Kind::table;
      convert_members(*node.as_table(), places, out);
      break;
    case toml::node_type::array:
      out.kind = TomlNode::Kind::array;
      for (const toml::node& item : *node.as_array()) out.items.push_back(convert(item, places));
      break;
    case toml::node_type::string:
      out.kind = TomlNode::Kind::string;
      out.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      out.kind = TomlNode::Kind::integer;
      out.integer = node.as_integer()->get();
      break;
    case toml::node_type::boolean:
      out.kind = TomlNode::Kind::boolean;
      out.boolean = node.as_boolean()->get();
      break;
    case toml::node_type::floating_point: out.kind = TomlNode::Kind::floating; break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
    case toml::node_type::none: out.kind = TomlNode::Kind::date_time; break;
  }
  return out;
}

// ---- syntax errors ------------------------------------------------------------------------------

struct Wording {
  std::string_view part;  // of the library's text
  std::string_view message;
  std::string_view hint;
  bool word = false;  // the mark goes below the whole word, not the character that doesn't fit
};

constexpr std::array<Wording, 15> kWordings{
    Wording{"could not determine value type", "this is no TOML value", "put text in quotes", true},
    Wording{"while parsing floating-point: expected decimal digit", "this is no number",
            "addresses and subnets are text: put them in quotes", true},
    Wording{"while parsing floating-point", "this is no TOML value", "put text in quotes", true},
    Wording{"expected keys, tables", "neither a key nor a block begins here", "write key = value or [block]"},
    Wording{"unescaped control characters", "the string is not closed on its line", "close it with \""},
    Wording{"while parsing literal string: control characters", "the string is not closed on its line",
            "close it with '"},
    Wording{"unknown escape sequence", "there is no such escape", "write \\\\ for a backslash"},
    Wording{"not representable in 64 bits", "the number does not fit into 64 bits", "remove some digits",
            true},
    Wording{"expected value, saw", "a value is missing", "write key = value"},
    Wording{"expected '=', saw", "a \"=\" is missing", "write key = value"},
    Wording{"expected ']', saw", "a \"]\" is missing", "write [host.NAME], without blanks in the name"},
    Wording{"expected bare key starting character", "a name is missing",
            "use letters, digits, '-' and '_', or quotes"},
    Wording{"while parsing boolean", "this is neither true nor false",
            "write true or false in lower case, text in quotes", true},
    Wording{"leading zeroes", "a number does not begin with 0", "write 0o for octal, or put text in quotes",
            true},
    Wording{"dangling comma", "a comma stands before the closing }", "remove the comma"}};

// "Error while parsing table header: expected ..." as {"table header", "expected ..."}.
std::pair<std::string, std::string> scope_and_reason(std::string_view description) {
  constexpr std::string_view lead = "Error while parsing ";
  if (description.starts_with(lead)) description.remove_prefix(lead.size());
  const auto colon = description.find(": ");
  if (colon == std::string_view::npos) return {"TOML", std::string(description)};
  return {std::string(description.substr(0, colon)), std::string(description.substr(colon + 2))};
}

// The first line that says something.
std::string_view first_words(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (!line.empty() && line.front() != '#') return line;
  }
  return {};
}

// Which language a file that is no TOML is in, by its first words; empty: no other that we know.
std::string_view other_language(std::string_view text) {
  const std::string_view line = first_words(text);
  if (line.starts_with('{') || line.starts_with("[{")) return "JSON";
  const bool has_label =
      line.find(" \"") != std::string_view::npos && line.find('=') == std::string_view::npos;
  if (line.ends_with('{') && has_label) return "HCL";
  const auto name = std::min(line.find_first_of(" \t:=\"'[]"), line.size());
  const std::string_view rest = line.substr(name);
  const bool is_pair =
      name > 0 && rest.starts_with(':') && (rest.size() == 1 || rest[1] == ' ' || rest[1] == '\r');
  const bool is_yaml = is_pair || line.starts_with("---") || line.starts_with("- ");
  return is_yaml ? "YAML" : "";
}

std::string_view line_at(std::string_view text, std::uint32_t number) {
  for (; number > 1 && !text.empty(); --number)
    text.remove_prefix(std::min(text.size(), text.find('\n')) + (text.find('\n') < text.size() ? 1 : 0));
  return text.substr(0, text.find('\n'));
}

// What git leaves where two sides changed the same lines.
bool is_conflict(std::string_view line) {
  constexpr std::string_view kMarks[] = {"<<<<<<<", "=======", ">>>>>>>", "|||||||"};
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return line.starts_with(mark); });
}

bool is_saved_plan(std::string_view text) {
  constexpr std::size_t kHead = 512;
  return text.starts_with('{') &&
         text.substr(0, kHead).find("\"format\":\"ovl saved plan\"") != std::string_view::npos;
}

std::string closing(std::string_view scope) {
  if (scope == "array") return "close it with ]";
  return scope == "inline table" ? "close it with }" : "close it";
}

void report_syntax_error(std::string_view description, const toml::source_region& region, Places& places,
                         Reporter& report) {
  const Place place = places.of(region);
  for (const Wording& wording : kWordings) {
    if (description.find(wording.part) == std::string_view::npos) continue;
    report.error("syntax", wording.word ? places.word_at(place) : place, std::string(wording.message),
                 std::string(wording.hint));
    return;
  }
  const auto [scope, reason] = scope_and_reason(description);
  if (reason == "encountered end-of-file") {
    report.error("syntax", place, fmt::format("the file ends before the {} does", scope), closing(scope));
  } else if (reason.starts_with("expected a comment or whitespace")) {
    report.error("syntax", place, "only a comment may follow here",
                 "begin a new line, or put text in quotes");
  } else {
    report.error("syntax", place, fmt::format("{}: {}", scope, reason), "see https://toml.io/en/v1.0.0");
  }
}

void report_parse_error(const toml::parse_error& error, std::string_view text, std::uint32_t file,
                        Places& places, Diagnostics& diagnostics) {
  if (error.description().find("cannot redefine") != std::string_view::npos) {
    Diagnostics twice = find_redefinitions(text, file);
    if (!twice.empty()) {
      diagnostics.insert(diagnostics.end(), twice.begin(), twice.end());
      return;
    }
  }
  Reporter report(diagnostics);
  const Place place = places.of(error.source());
  if (is_conflict(line_at(text, place.line))) {
    report.error("syntax", place, "a merge has left both of its sides here",
                 "keep one of them, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>");
    return;
  }
  if (is_saved_plan(text)) {
    report.error("syntax", place, "this is a saved plan, and no manifest",
                 "ovl show prints it, ovl apply makes its changes");
    return;
  }
  const std::string_view language = other_language(text);
  if (language.empty()) return report_syntax_error(error.description(), error.source(), places, report);
  report.error("syntax", place, fmt::format("this is {}, and a manifest is TOML", language),
               "write [block], and key = value below it; ovl init writes a manifest to begin with");
}

}  // namespace

std::optional<TomlNode> read_toml(const SourceFile& source, std::uint32_t file, Diagnostics& diagnostics) {
  const std::string_view text = without_mark(source.text);
  const Diagnostics refused = guard_toml(text, file);
  if (!refused.empty()) {
    diagnostics.insert(diagnostics.end(), refused.begin(), refused.end());
    return std::nullopt;
  }
  Places places(text, file);
  try {
    const toml::table root = toml::parse(text, std::string_view());
    return convert(root, places);
  } catch (const toml::parse_error& error) {
    report_parse_error(error, text, file, places, diagnostics);
    return std::nullopt;
  }
}

Parsed parse(const Sources& sources) {
  Parsed out;
  std::vector<TomlNode> trees;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto tree = read_toml(sources[i], static_cast<std::uint32_t>(i), out.diagnostics);
    if (tree) trees.push_back(std::move(*tree));
  }
  Decoded decoded = decode_manifest(trees, out.diagnostics);
  decoded.complete = trees.size() == sources.size();
  check_manifest(decoded, out.diagnostics);
  out.manifest = std::move(decoded.manifest);
  out.manifest.digest = digest_of(sources);
  std::ranges::stable_sort(out.diagnostics, {}, &Diagnostic::place);
  tell_of_siblings(sources, out.diagnostics);
  return out;
}

ParsedPolicy parse_policy(const SourceFile& source) {
  ParsedPolicy out;
  const auto tree = read_toml(source, 0, out.diagnostics);
  if (!tree) return out;
  Reporter report(out.diagnostics);
  for (const TomlMember& member : tree->members) {
    if (member.key == "policy" && member.value.kind == TomlNode::Kind::table) {
      decode_policy(report, PolicyHome::host, member, out.policy);
    } else {
      report.error("policy-file", member.place, "a host's policy holds [policy] and nothing else",
                   "put its keys below [policy], and other blocks into a manifest");
    }
  }
  if (tree->members.empty()) {
    report.error("policy-file", Place{}, "a host's policy has no [policy]", "write [policy] and its keys");
  }
  out.policy.origin = source.name;
  return out;
}

}  // namespace ovl
