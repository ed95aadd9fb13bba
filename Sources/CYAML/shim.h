// libyaml: parser events with line and column marks.
#pragma once
#include <yaml.h>
