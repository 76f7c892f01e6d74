#include "cmd/cli.hpp"

int main(int argc, char** argv) {
  return ovl::run_cli(argc, argv);
}
