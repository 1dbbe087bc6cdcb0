"""What objectives train with: modules, data, models and trainers in the words of d2l."""
