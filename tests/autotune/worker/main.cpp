// A worker for tests in C++, which have no Python: `tw_worker` serves its stdin and stdout.
#include <unistd.h>

#include "autotune/measure/runner.h"

int main() {
  return tw::autotune::serve(STDIN_FILENO, STDOUT_FILENO);
}
