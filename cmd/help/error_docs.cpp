// docs/errors.md from the catalogue itself: an id that is not in it does not compile, so the page can't lack
// one.
#include "cmd/help/error_docs.hpp"

#include <fmt/format.h>

#include "cmd/base/exit.hpp"
#include "model/base/catalogue.hpp"

namespace ovl {

namespace {

constexpr std::string_view kErrorsPreface = R"(# Errors

Whatever ovl refuses has an id that stays the same, says what it is about, why, and what to do.

- An error that ends a command is one line on stderr, `ovl: what failed [family]`, and `hint: what to do`. The family
  decides the exit code. Errors of the kernel name the message (`RTM_NEWLINK`), the object
  (`link ovl-my-net:vxlan0`), the error (`EEXIST`) and what the kernel says about it.
- A finding about the manifest is `FILE:LINE:COLUMN: error: what is wrong [id]`, with the line, a mark below the place
  and a hint; all of them are shown at once, by `ovl validate --json` as JSON.
- A finding in a plan, about an object, a record or a key, keeps `ovl apply` from starting unless it is a warning.
  `ovl plan --json` has it with its id under `ovl`.

This page is generated from the catalogue in the code (`gen-docs`).
)";

struct Section {
  Stage stage;
  std::string_view title;
};

// In the order in which somebody meets them, and not by the alphabet.
constexpr std::array<Section, 10> kSections{{
    {Stage::text, "In the manifest: text"},
    {Stage::blocks, "In the manifest: blocks, keys and values"},
    {Stage::keystore, "In the manifest: the keystore"},
    {Stage::hosts, "In the manifest: hosts"},
    {Stage::networks, "In the manifest: networks"},
    {Stage::endpoints, "In the manifest: endpoints"},
    {Stage::moved, "In the manifest: moved blocks"},
    {Stage::choice, "When values are chosen"},
    {Stage::plan, "In a plan"},
    {Stage::store, "In the keystore"},
}};

std::string capitalised(std::string_view text) {
  std::string out(text);
  // A command is called as it is typed.
  if (out.starts_with("ovl")) return out;
  if (out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

// Families first, as they decide the exit code, which is what scripts read.
std::string families_markdown() {
  std::string out = "\n## Families\n";
  for (const ErrorFamily& family : kErrorFamilies) {
    out += fmt::format("\n### `{}`\n\nExit code {}. {}\nRemedy: {}.\n", name_of(family.code),
                       exit_code(family.code), family.cause, capitalised(family.remedy));
  }
  return out;
}

// A finding that is only a warning has the code of its family all the same, for JSON; it ends nothing.
std::string section_markdown(const Section& section) {
  std::string out =
      fmt::format("\n## {}\n\n| id | exit code | cause | remedy |\n|---|---|---|---|\n", section.title);
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.stage != section.stage) continue;
    // A warning ends no command, whatever family its code is of.
    const bool warning = entry.cause.starts_with("Warning");
    out += fmt::format("| `{}` | {} | {} | {} |\n", entry.id,
                       warning ? std::string("none") : std::to_string(exit_code(entry.code)), entry.cause,
                       entry.remedy);
  }
  return out;
}

}  // namespace

std::string errors_markdown() {
  std::string out(kErrorsPreface);
  out += families_markdown();
  for (const Section& section : kSections) out += section_markdown(section);
  return out;
}

}  // namespace ovl
