#pragma once

/// The parser that ANTLR makes of sql/grammar/ForebayParser.g4. Included by the .cpp files of
/// sql/parser only: nobody else sees ANTLR.
#include "ForebayParser.h"
