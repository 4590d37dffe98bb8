//! Conditions, small scripts and field paths over an event. Pure and bounded in size, depth and steps.
