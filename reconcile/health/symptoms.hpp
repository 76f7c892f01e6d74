// What an examination of a host finds, in the order in which it was found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ovl {

struct Symptom {
  enum class Level : std::uint8_t { good, note, problem };

  Level level = Level::good;
  std::string check;   // "store", "peer mhs-demo1", ...
  std::string text;    // what was found
  std::string remedy;  // of notes and problems; may be empty
};

class Symptoms {
 public:
  void good(std::string check, std::string text) {
    all_.push_back({Symptom::Level::good, std::move(check), std::move(text), {}});
  }

  void note(std::string check, std::string text, std::string remedy = {}) {
    all_.push_back({Symptom::Level::note, std::move(check), std::move(text), std::move(remedy)});
  }

  void problem(std::string check, std::string text, std::string remedy) {
    all_.push_back({Symptom::Level::problem, std::move(check), std::move(text), std::move(remedy)});
  }

  [[nodiscard]] const std::vector<Symptom>& all() const { return all_; }

 private:
  std::vector<Symptom> all_;
};

}  // namespace ovl
