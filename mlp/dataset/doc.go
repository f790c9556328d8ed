// Package dataset holds what networks learn: labelled samples with their class
// names, the project's own letter patterns, and loaders for CSV and IDX files.
//
// Terms:
//
//   - A sample is one row of features with one label; a label counts the
//     classes from 0. A pattern is a sample that is an image.
//   - Features are dimensionless. A network takes them between -1 and 1, which
//     stand for minus and plus its input level; black is 1 and white is -1.
//     Scaling brings other features there.
//   - A data set is checked by Validate, which finds what cannot be worked
//     with, and by Warnings, which finds what can be worked with but is probably
//     not meant, such as a class without a sample.
package dataset
