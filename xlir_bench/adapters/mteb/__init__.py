"""The mteb plugin.

mteb is imported before anything here, so that the start-up hook never fires on a half-loaded
package.
"""

import mteb as mteb
