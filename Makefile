# placeholder, see README
