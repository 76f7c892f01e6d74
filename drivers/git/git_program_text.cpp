#include "drivers/git/git_program_text.hpp"

#include <fmt/format.h>

#include <map>

namespace ovl {

std::vector<std::string_view> parts_of(std::string_view text, char end) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(end));
    out.push_back(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return out;
}

Stamp stamp_in(std::string_view text) {
  const auto end = text.rfind('>');
  if (end == std::string_view::npos) return {.who = std::string(text)};
  std::string_view rest = text.substr(end + 1);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return {.who = std::string(text.substr(0, end + 1)), .when = number_in<std::int64_t>(rest)};
}

CommitText commit_in(std::string_view text) {
  CommitText out;
  while (!text.empty() && !text.starts_with('\n')) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(' ') && !out.headers.empty()) {
      out.headers.back().second += fmt::format("\n{}", line.substr(1));
      continue;
    }
    const auto space = std::min(line.find(' '), line.size());
    out.headers.emplace_back(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
  }
  if (!text.empty()) out.message = text.substr(1);
  return out;
}

std::string subject_of(std::string_view message) {
  while (message.starts_with('\n')) message.remove_prefix(1);
  std::string out;
  for (const std::string_view line : parts_of(message, '\n')) {
    if (line.empty()) break;
    out += fmt::format("{}{}", out.empty() ? "" : " ", line);
  }
  return out;
}

CommitSignature signature_in(std::string_view text, std::string_view own) {
  CommitSignature out;
  bool headers = true;
  bool skips = false;
  bool keeps = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    if (headers && line == "\n") headers = false;
    if (headers && !line.starts_with(' ')) {
      const std::string_view name = line.substr(0, line.find(' '));
      skips = name == "gpgsig" || name == "gpgsig-sha256";
      keeps = name == own;
    }
    if (!headers || !skips) {
      out.payload += line;
    } else if (keeps) {
      out.signature += line.substr(line.starts_with(' ') ? 1 : own.size() + 1);
    }
  }
  if (out.signature.ends_with('\n')) out.signature.pop_back();
  return out;
}

std::vector<LineOrigin> origins_in(std::string_view text) {
  std::map<std::string, LineOrigin> commits;
  std::vector<LineOrigin> out;
  LineOrigin* at = nullptr;
  std::uint32_t line_there = 0;
  for (const std::string_view line : parts_of(text, '\n')) {
    if (line.starts_with('\t')) {
      if (at != nullptr) out.push_back(*at);
      if (at != nullptr) out.back().line = line_there;
      at = nullptr;
      continue;
    }
    const auto space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    const std::string_view rest = line.substr(std::min(space + 1, line.size()));
    if (at == nullptr) {
      at = &commits[std::string(word)];
      at->commit = word;
      line_there = number_in<std::uint32_t>(rest);
    } else if (word == "author") {
      at->author = rest;
    } else if (word == "author-mail") {
      at->author += fmt::format(" {}", rest);
    } else if (word == "author-time") {
      at->when = number_in<std::int64_t>(rest);
    }
  }
  return out;
}

}  // namespace ovl
