// Runs a fuzz program without libFuzzer: over every file of the folder given, and over a number of changed
// copies of them, the same ones each time. replay FOLDER COPIES
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "files/read.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Where a program has changes of its own, they are made instead.
extern "C" [[gnu::weak]] std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                                             std::size_t most, unsigned int seed);

namespace {

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// None, where one of them can't be read.
std::vector<std::string> read_all(const std::string& folder) {
  std::vector<std::string> out;
  const auto names = ovl::names_in(folder);
  if (!names.ok()) return {};
  for (const std::string& name : names.value()) {
    auto text = ovl::read_regular(folder + "/" + name, {});
    if (!text.ok()) return {};
    out.push_back(std::move(text).value());
  }
  return out;
}

class Changer {
 public:
  explicit Changer(const std::vector<std::string>& inputs) : inputs_(inputs) {}

  std::string next() {
    std::string out = any_input();
    if (LLVMFuzzerCustomMutator != nullptr) return changed_by_its_own(std::move(out));
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(out);
    return out;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  const std::string& any_input() { return inputs_[below(inputs_.size())]; }

  std::string changed_by_its_own(std::string text) {
    const std::size_t size = text.size();
    text.resize(LLVMFuzzerCustomMutator(reinterpret_cast<std::uint8_t*>(text.data()), size, size,
                                        static_cast<unsigned int>(random_())));
    return text;
  }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(text.size() - at + 1);
    switch (below(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1U << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(at, length)); break;
      default: text.replace(at, length, any_input().substr(0, length));
    }
  }

  const std::vector<std::string>& inputs_;
  std::minstd_rand random_{20'231};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::vector<std::string> inputs = read_all(argv[1]);
  if (inputs.empty()) return 1;
  for (const std::string& input : inputs) run(input);
  const int copies = std::atoi(argv[2]);
  Changer changer(inputs);
  for (int i = 0; i < copies; ++i) run(changer.next());
  std::printf("%zu inputs, %d changed copies\n", inputs.size(), copies);
}
