"""Modules, data, models and trainers for objectives, in the words of d2l."""
